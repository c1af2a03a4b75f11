import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { closeEnvironment, openEnvironment } from '../kv/environment.ts'
import { ownIdentity } from '../process-identity.ts'
import { createTallies } from './tallies.ts'

test('tallies: the sum over all living processes; what a dead one held does not count', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tallies-'))
  const environment = openEnvironment(join(folder, 'volatile.mdb'), 'volatile')
  try {
    const one = createTallies(environment, ownIdentity())
    const other = createTallies(environment, ownIdentity())
    const { pid: gonePid } = spawnSync(process.execPath, ['-e', ''])
    const gone = createTallies(environment, { ...ownIdentity(), pid: gonePid, startTicks: 1 })
    assert.equal(await one.set('client 192.0.2.1', 3), 3)
    assert.equal(await other.set('client 192.0.2.1', 2), 5)
    assert.equal(await other.set('client 192.0.2.10', 7), 7)
    assert.equal(await gone.set('client 192.0.2.1', 100), 105)
    assert.equal(await one.set('client 192.0.2.1', 1), 3)
    assert.equal(await other.set('client 192.0.2.1', 0), 1)
    assert.equal(await one.set('client 192.0.2.1', 0), 0)
    assert.equal(await one.set('client 192.0.2.1', 1), 1)
    // Names longer than a key have one of their own, shortened.
    assert.equal(await one.set('x'.repeat(5_000), 1), 1)
    assert.equal(await other.set('x'.repeat(5_000), 1), 2)
  } finally {
    await closeEnvironment(environment)
    rmSync(folder, { recursive: true, force: true })
  }
})
