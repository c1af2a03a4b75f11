import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { LogEvent } from '@posthorn/mail'
import { buildConfig } from '../config/load-config.ts'
import { testMachine } from '../config/machine-fixture.ts'
import { StartError } from '../start-error.ts'
import { logWriterFor } from './configured-log.ts'

const place = { file: '/srv/mail/main.cf', folder: '/srv/mail', named: false }

function site(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-log-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = (name: string) => join(folder, name)
  const config = (lines: string) =>
    buildConfig(place, lines, { environment: {}, machine: testMachine }).config
  const text = (name: string) => (existsSync(path(name)) ? readFileSync(path(name), 'utf8') : '')
  return { path, config, text }
}

const event = (text: string, level: LogEvent['level'] = 'info'): LogEvent => ({
  level,
  service: 'qmgr',
  text,
})

/** What a closed writer had left reaches its file a moment later. */
async function eventually(check: () => void): Promise<void> {
  const deadline = performance.now() + 60_000
  for (;;) {
    try {
      return check()
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('a reload moves the log: file, form, name and level', async (t) => {
  const { path, config, text } = site(t)
  const log = logWriterFor(config(`maillog_file = ${path('a')}`))
  log.log(event('one'))
  log
    .prepare(config(`maillog_file = ${path('b')}\nsyslog_name = postfix\nlog_json_file = ${path('c')}`))
    .commit()
  log.log(event('two'))
  log.flush()
  await eventually(() => assert.match(text('a'), /^\S+ +\d+ [\d:]+ mail posthorn\/qmgr\[\d+\]: one\n$/))
  assert.match(text('b'), /^\S+ +\d+ [\d:]+ mail postfix\/qmgr\[\d+\]: two\n$/)
  assert.equal(JSON.parse(text('c')).text ?? JSON.parse(text('c')).msg, 'two')
  log.prepare(config(`maillog_file = ${path('b')}\nlog_level = warning`)).commit()
  log.log(event('three'))
  log.log(event('four', 'error'))
  log.close()
  await eventually(() => assert.match(text('b'), /: two\n.*qmgr\[\d+\]: error: four\n$/))
})

test('info_log_address_format = internal: addresses without their quotes', async (t) => {
  const { path, config, text } = site(t)
  const line = 'to=<"a \\"b\\""@x.y>, orig_to=<c@x.y>, relay=local (see <"d e"@x.y>)'
  const log = logWriterFor(config(`maillog_file = ${path('a')}`))
  log.log(event(line))
  log.prepare(config(`maillog_file = ${path('a')}\ninfo_log_address_format = internal`)).commit()
  log.log(event(line))
  log.close()
  await eventually(() =>
    assert.deepEqual(
      text('a')
        .split('\n')
        .slice(0, 2)
        .map((one) => one.replace(/^.*?\]: /, '')),
      [line, 'to=<a "b"@x.y>, orig_to=<c@x.y>, relay=local (see <"d e"@x.y>)'],
    ),
  )
})

test('a file that cannot be written is refused, and the log stays where it was', async (t) => {
  const { path, config, text } = site(t)
  const log = logWriterFor(config(`maillog_file = ${path('a')}`))
  const bad = [
    `maillog_file = ${path('a')}/below`,
    `maillog_file = ${path('b')}\nlog_json_file = ${path('a')}/x`,
  ]
  for (const lines of bad) assert.throws(() => log.prepare(config(lines)), StartError)
  log.prepare(config(`maillog_file = ${path('b')}`)).abandon()
  log.log(event('still here'))
  log.close()
  await eventually(() => assert.match(text('a'), /still here/))
})
