import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { memorySettings, restartAs } from './memory-settings.ts'

test('a process is started anew once, with what is missing alone', () => {
  const first = restartAs({ HOME: '/x', MALLOC_ARENA_MAX: '8' }, ['--enable-source-maps'])
  assert.ok(first)
  assert.equal(first.environment['HOME'], '/x')
  assert.equal(first.environment['MALLOC_ARENA_MAX'], '8')
  assert.equal(first.environment['MALLOC_TRIM_THRESHOLD_'], memorySettings['MALLOC_TRIM_THRESHOLD_'])
  assert.deepEqual(first.execArgv, ['--max-semi-space-size=4', '--enable-source-maps'])
  assert.equal(restartAs(first.environment, first.execArgv), undefined)
})

test('who set the size of the young generation keeps it', () => {
  const own = restartAs({}, ['--max-semi-space-size=32'])
  assert.deepEqual(own?.execArgv, ['--max-semi-space-size=32'])
  assert.equal(restartAs({ ...memorySettings, NODE_OPTIONS: '--max-semi-space-size=8' }, []), undefined)
})

test('a message is no piece of a block that others keep', () => {
  const module = JSON.stringify(new URL('./memory-settings.ts', import.meta.url).href)
  const script = `const { applyMemorySettings } = await import(${module})
    applyMemorySettings(process.env)
    console.log(Buffer.allocUnsafe(5000).buffer.byteLength)`
  const args = ['--max-semi-space-size=4', '--input-type=module', '--eval', script]
  const env = { ...process.env, ...memorySettings }
  assert.equal(spawnSync(process.execPath, args, { env, encoding: 'utf8' }).stdout, '5000\n')
})
