import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { CrashLedger } from '../../packages/storage/src/testkit/crash-ledger.ts'

const rounds = Number(process.env.CRASH_ROUNDS ?? 30)

test(`kill -9, ${rounds} times over one store`, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-kill-'))
  const ledger = new CrashLedger(directory)
  await ledger.create()
  for (let round = 0; round < rounds; round++) await ledger.round(Math.random() * 600)
  assert.ok(ledger.operations > rounds * 10)
  rmSync(directory, { recursive: true })
})
