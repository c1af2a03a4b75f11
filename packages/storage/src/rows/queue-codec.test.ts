import assert from 'node:assert/strict'
import { test } from 'node:test'
import { entryRow, parseEntryRow, parseRecipientRow, recipientRow } from './queue-codec.ts'
import type { StoredEntry, StoredRecipient } from './queue-row.ts'

const through = (row: unknown): unknown => JSON.parse(JSON.stringify(row))
const origin = { clientName: 'c', clientAddress: '192.0.2.1', helo: 'h', protocol: 'ESMTP' }
const plain: StoredEntry = {
  queueId: 'A1',
  sender: '',
  options: {},
  origin,
  arrivedMs: 1,
  sizeBytes: 2,
  hold: false,
  blobId: 3,
}
const waiting: StoredRecipient = {
  address: 'a@b',
  transport: 'smtp',
  nextHop: 'b',
  dueMs: 5,
  attempts: 0,
  delayWarned: false,
}

test('an entry is read as it was written, and as former builds wrote it', () => {
  const entries: readonly StoredEntry[] = [
    plain,
    { ...plain, hold: true, options: { ret: 'HDRS', envid: 'x', smtpUtf8: true } },
    { ...plain, forcedExpiry: true, origin: { ...origin, saslMethod: 'PLAIN', saslUsername: 'u' } },
    { ...plain, origin: { ...origin, saslUsername: 'u' }, sender: 'ä"\\@b' },
  ]
  for (const entry of entries) {
    assert.deepEqual(parseEntryRow('A1', through(entryRow(entry))), entry)
    assert.deepEqual(parseEntryRow('A1', through(entry)), entry)
  }
})

test('a recipient is read as it was written, and as former builds wrote it', () => {
  const last = { status: '4.4.1', diagnostic: 'refused', remoteMta: 'none', atMs: 9 }
  const lease = { owner: 'w', untilMs: 7, process: { pid: 1, startTicks: 2, boot: 'b' } }
  const recipients: readonly StoredRecipient[] = [
    waiting,
    { ...waiting, last, lease, attempts: 3, begun: 2, delayWarned: true },
    { ...waiting, originalRecipient: 'rfc822;x@y', notify: ['NEVER'], sender: 's', prefix: 'AAAA' },
  ]
  for (const recipient of recipients) {
    assert.deepEqual(parseRecipientRow(through(recipientRow(recipient))), recipient)
    assert.deepEqual(parseRecipientRow(through(recipient)), recipient)
  }
})
