import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

/** What of Node itself is loaded when all that a server runs is. */
function loadedBy(module: string): readonly string[] {
  const href = JSON.stringify(new URL(module, import.meta.url).href)
  const script = `await import(${href})
    console.log(process.moduleLoadList.join('\\n'))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  return stdout.split('\n')
}

test('a server loads neither undici nor HTTP/2: node:http imported by name would bring both', () => {
  for (const module of ['./start-solo.ts', './run-worker.ts']) {
    const loaded = loadedBy(module)
    assert.ok(loaded.includes('NativeModule http'))
    assert.deepEqual(
      loaded.filter((name) => /undici|http2|readablestream/.test(name)),
      [],
    )
  }
})
