import assert from 'node:assert/strict'
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { StartError } from '../start-error.ts'
import { inFolder } from '../testkit/in-folder.ts'
import { livingPid, prepareDataFolder, takeDataFolder } from './data-folder.ts'

const publicActions = {
  admits: () => 'everybody' as const,
  list: async () => [],
  waiting: async () => [],
  flush: async () => {},
  flushable: async () => undefined,
  pickup: () => {},
}
const actions = {
  stats: async () => ({}),
  status: async () => null,
  reload: async () => ({ changed: [], needRestart: [] }),
  stop: () => {},
  flushDomain: async () => {},
  logins: async () => [],
  kick: async () => 0,
  wake: () => {},
}

test('the data folder is made closed to others, and a file in its place is named with a remedy', async () => {
  await inFolder(async (folder) => {
    const made = prepareDataFolder(join(folder, 'a', 'data'))
    assert.equal(statSync(made.path).mode & 0o777, 0o711)
    writeFileSync(join(folder, 'file'), '')
    assert.throws(
      () => prepareDataFolder(join(folder, 'file', 'data')),
      (error) =>
        error instanceof StartError && /file\/data: ENOTDIR/.test(error.message) && error.remedy !== '',
    )
    chmodSync(made.path, 0o700)
  })
})

test('two servers never share a folder, and a dead one leaves it free', async () => {
  await inFolder(async (path) => {
    const folder = prepareDataFolder(path)
    writeFileSync(folder.pidFile, '999999999\n')
    assert.equal(livingPid(folder), undefined)
    const release = await takeDataFolder(folder, actions, publicActions)
    assert.equal(livingPid(folder), process.pid)
    await assert.rejects(takeDataFolder(folder, actions, publicActions), /running on .* already \(pid \d+\)/)
    assert.equal(statSync(folder.controlSocket).mode & 0o077, 0)
    await release()
    assert.ok(!existsSync(folder.pidFile))
  })
})
