/** Files that are on disk when a function returns: their names are, too. */
import assert from 'node:assert/strict'
import fs, { mkdirSync, mkdtempSync, readlinkSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Uid } from '@posthorn/storage'
import { dropMail } from './commands/postfix/maildrop-file.ts'
import { Ledger } from './import/ledger.ts'

function watched(t: TestContext): { root: string; synced: string[] } {
  const root = mkdtempSync(join(tmpdir(), 'posthorn-synced-'))
  const synced: string[] = []
  const { fsyncSync, openSync } = fs
  t.mock.method(fs, 'fsyncSync', (file: number) => {
    synced.push(relative(root, readlinkSync(`/proc/self/fd/${file}`)).replace(/[0-9a-f]{24,}/, '*'))
    fsyncSync(file)
  })
  // As for a user who may not list it: root may.
  t.mock.method(fs, 'openSync', (...given: Parameters<typeof openSync>) => {
    if (given[0] === join(root, 'unlisted')) throw Object.assign(new Error('EACCES'), { code: 'EACCES' })
    return openSync(...given)
  })
  syncBuiltinESMExports()
  t.after(() => {
    t.mock.restoreAll()
    syncBuiltinESMExports()
    rmSync(root, { recursive: true })
  })
  return { root, synced }
}

test('mail in the maildrop', (t) => {
  const { root, synced } = watched(t)
  for (const name of ['listed', 'unlisted']) {
    mkdirSync(join(root, name))
    dropMail(join(root, name), { sender: 'a@b.test', recipients: [], options: {} }, Buffer.from('x'))
  }
  assert.deepEqual(synced, ['listed/*.tmp', 'listed', 'unlisted/*.tmp', 'unlisted/*'])
})

test('what an import is about to bring', (t) => {
  const { root, synced } = watched(t)
  const ledger = Ledger.open(root, 'imap.test', 'a@b.test', 'write')
  ledger.begin('INBOX', 1, { fromUid: 1 as Uid, items: [] })
  assert.deepEqual(synced, ['', '*.jsonl'])
  ledger.close()
})
