import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FetchWant, type MailboxId, type MessageBatch, StoreError } from '@posthorn/storage'
import { startImapFixture } from '../testkit/imap-fixture.ts'

/** As the store does with a damaged message: the others, then the error. */
async function* withoutSecond(
  batches: (uids: Uint32Array) => AsyncIterable<MessageBatch>,
  uids: Uint32Array,
): AsyncGenerator<MessageBatch> {
  yield* batches(uids.filter((uid) => uid !== 2))
  if (uids.includes(2)) throw new StoreError('corrupt', 'Cannot read message: its checksum is wrong')
}

test('RFC 5530 §3: with a damaged message the others are answered, then NO [CORRUPTION]', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  for (const name of ['one', 'two', 'three'])
    await client.append('INBOX', `Subject: ${name}\r\n\r\nbody of ${name}\r\n`)
  await client.ok('SELECT INBOX')
  const { messages } = imap.store
  const fetch = messages.fetch.bind(messages)
  const fetchNow = messages.fetchNow.bind(messages)
  Object.assign(messages, {
    fetch: (mailbox: MailboxId, uids: Uint32Array, want: FetchWant): AsyncIterable<MessageBatch> =>
      want.summary === true || want.bytes !== undefined
        ? withoutSecond((wanted) => fetch(mailbox, wanted, want), uids)
        : fetch(mailbox, uids, want),
    fetchNow: (mailbox: MailboxId, uids: Uint32Array, want: FetchWant): MessageBatch | undefined =>
      uids.includes(2) && (want.summary === true || want.bytes !== undefined)
        ? undefined
        : fetchNow(mailbox, uids, want),
  })
  for (const items of [
    'BODY.PEEK[TEXT]',
    'BODY.PEEK[HEADER.FIELDS (X-Other)] BODY.PEEK[TEXT]',
    'ENVELOPE BODY',
  ])
    for (const round of [1, 2]) {
      const answer = await client.command(`FETCH 1:3 (UID ${items})`)
      assert.deepEqual(
        answer.flatMap((line) => /^\* (\d) FETCH/.exec(line)?.[1] ?? []),
        ['1', '3'],
        `${items}, round ${round}`,
      )
      assert.match(answer.at(-1)!, /^NO \[CORRUPTION\] /)
    }
  assert.equal((await client.ok('FETCH 1:3 (FLAGS)')).length, 4)
})
