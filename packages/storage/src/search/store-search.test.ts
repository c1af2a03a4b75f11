import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId, SearchCriteria, Store } from '../contract.ts'
import { openInbox } from '../testkit/open-inbox.ts'

const append = async (store: Store, mailbox: MailboxId, text: string, keyword: string): Promise<void> => {
  const writer = store.messages.stage()
  await writer.write(Buffer.from(text))
  const message = await writer.finish()
  await store.messages.append(mailbox, [
    { message, flags: { system: 1, keywords: [keyword] }, internalDateMs: 1_000_000 },
  ])
}

test('RFC 9051 §6.4.4: search in a real store, small and large messages, what was expunged left out', async (t) => {
  const { store, inbox } = await openInbox(t)
  await append(store, inbox, 'Subject: one\r\nX-Odd: yes\r\n\r\nsmall text\r\n', 'a')
  const attachment = `${'QUJD'.repeat(19)}\r\n`.repeat(8000)
  await append(
    store,
    inbox,
    `Subject: two\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nlarge text\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n${attachment}--b--\r\n`,
    'b',
  )
  await append(store, inbox, 'Subject: three\r\n\r\nmore text\r\n', 'c')
  const search = async (criteria: SearchCriteria): Promise<number[]> => [
    ...(await store.messages.search(inbox, criteria)).uids,
  ]
  assert.deepEqual(await search({ kind: 'body', value: 'TEXT' }), [1, 2, 3])
  assert.deepEqual(await search({ kind: 'body', value: 'large text' }), [2])
  assert.deepEqual(await search({ kind: 'text', value: 'image/png' }), [2])
  assert.deepEqual(await search({ kind: 'header', name: 'x-odd', value: 'y' }), [1])
  assert.deepEqual(await search({ kind: 'header', name: 'subject', value: 't' }), [2, 3])
  assert.deepEqual(await search({ kind: 'keyword', name: 'B' }), [2])
  assert.deepEqual(await search({ kind: 'larger', sizeBytes: 100_000 }), [2])
  assert.deepEqual(await search({ kind: 'internal-date', fromMs: 1_000_000, toMs: 1_000_001 }), [1, 2, 3])
  await store.messages.discard(inbox, Uint32Array.of(2))
  assert.deepEqual(await search({ kind: 'text', value: 'text' }), [1, 3])
})
