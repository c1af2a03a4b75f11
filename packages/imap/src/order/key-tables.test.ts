import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId } from '@posthorn/storage'
import { KeyTables } from './key-tables.ts'

test('tables of mailboxes without messages make room, too: clients make and sort such without end', () => {
  const tables = new KeyTables()
  const sorted = (id: number) => {
    const table = tables.of(id as MailboxId, 0)
    tables.trim()
    return table
  }
  const first = sorted(1)
  for (let id = 2; id <= 2_000; id++) sorted(id)
  assert.equal(sorted(1), first, 'many are kept')
  for (let id = 2_001; id <= 4_000; id++) sorted(id)
  assert.notEqual(sorted(1), first)
  assert.equal(sorted(4_000), sorted(4_000))
})
