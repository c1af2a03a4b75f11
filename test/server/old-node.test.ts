import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../packages/server/src/main.js', import.meta.url))

/** Debian's own, where it is older than the project's. */
const system = '/usr/bin/node'
const version = spawnSync(system, ['-p', 'process.versions.node'], { encoding: 'utf8' }).stdout ?? ''
const isOlder = Number.parseInt(version, 10) < 24

test('start: an older Node is told which one is needed and how it comes', {
  skip: isOlder ? false : 'no older Node is installed here',
}, () => {
  const { status, stderr } = spawnSync(system, [main, 'start'], { encoding: 'utf8' })
  assert.equal(status, 1)
  assert.match(stderr, /^posthorn: fatal: Posthorn needs Node\.js 24; this is v[0-9.]+ \(\/.*node\)\.$/m)
  assert.match(stderr, /npm ci --ignore-scripts=false/)
})
