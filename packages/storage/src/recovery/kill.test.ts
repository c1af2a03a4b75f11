import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { CrashLedger } from '../testkit/crash-ledger.ts'

test('kill -9 during deliver, append, copy, move, expunge: all that was acknowledged is there, once', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-kill-'))
  const ledger = new CrashLedger(directory)
  await ledger.create()
  for (let round = 0; round < 6; round++) await ledger.round(30 + Math.random() * 400)
  assert.ok(ledger.operations > 100, `${ledger.operations} operations`)
  rmSync(directory, { recursive: true })
})
