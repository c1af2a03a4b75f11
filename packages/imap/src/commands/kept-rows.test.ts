import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { MessageStore, Store } from '@posthorn/storage'
import { type ImapFixture, type RawClient, startImapFixture } from '../testkit/imap-fixture.ts'
import { oneOf, type Random, randomFrom } from '../testkit/random.ts'
import { KeptRows, RowsAsked } from './kept-rows.ts'

const message = 'Subject: x\r\n\r\nbody\r\n'

async function withMessages(t: TestContext, count: number): Promise<ImapFixture> {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  for (let n = 0; n < count; n++) await client.append('INBOX', message, n % 3 === 0 ? '(\\Seen)' : '')
  // What is \Recent is so for this session alone.
  await client.ok('SELECT INBOX')
  await client.ok('LOGOUT')
  return imap
}

/** How often messages' rows were read. */
function countReads(store: Store): () => number {
  const messages = store.messages as { fetch: MessageStore['fetch'] }
  const fetch = messages.fetch.bind(messages)
  let reads = 0
  messages.fetch = (...args) => {
    reads++
    return fetch(...args)
  }
  return () => reads
}

const rows = (lines: readonly string[]): string[] => lines.filter((line) => line.includes(' FETCH ('))

const polls: readonly string[] = [
  'FETCH 1:* (UID FLAGS)',
  'UID FETCH 1:* (FLAGS)',
  'UID FETCH 1:* (UID FLAGS MODSEQ)',
  'FETCH 3:135 (FLAGS RFC822.SIZE)',
]

/** SAVEDATE is not among what is kept. */
const withSaveDate = (poll: string): string => `${poll.slice(0, -1)} SAVEDATE)`
const withoutSaveDate = (line: string): string => line.replace(/ SAVEDATE "[^"]*"/, '')

async function act(client: RawClient, random: Random): Promise<void> {
  const from = 1 + random(60)
  const set = `${from}:${from + random(6)}`
  const flag = oneOf(random, ['\\Seen', '\\Flagged', '\\Deleted', '$a', '$b', `$new${random(40)}`])
  const deeds: readonly string[] = [
    `UID STORE ${set} +FLAGS (${flag})`,
    `UID STORE ${set} +FLAGS.SILENT (${flag})`,
    `UID STORE ${set} -FLAGS (${flag})`,
    `UID COPY ${set} INBOX`,
    `UID MOVE ${set} INBOX`,
    'EXPUNGE',
    `APPEND INBOX (${flag}) {${message.length}+}\r\n${message}`,
    'NOOP',
    'SELECT INBOX',
  ]
  await client.command(oneOf(random, deeds))
}

test('RFC 9051 §6.4.5: answers that are kept are those that would be made anew, whatever others do', async (t) => {
  const imap = await withMessages(t, 150)
  const reads = countReads(imap.store)
  const clients = await Promise.all([imap.login('INBOX'), imap.login('INBOX'), imap.login('INBOX')])
  await clients[1]!.ok('ENABLE CONDSTORE')
  await clients[2]!.ok('ENABLE IMAP4rev2')
  const random = randomFrom(7162)
  let kept = 0
  for (let step = 0; step < 250; step++) {
    await act(oneOf(random, clients), random)
    const client = oneOf(random, clients)
    const poll = oneOf(random, polls)
    // News come with the first one; expunges are held back by FETCH and show with both of the others.
    await client.command(poll)
    const before = reads()
    const again = await client.command(poll)
    if (reads() === before) kept++
    const anew = await client.command(withSaveDate(poll))
    assert.deepEqual(rows(again), rows(anew).map(withoutSaveDate), `${step}: ${poll}`)
    assert.equal(again.at(-1)!.slice(0, 20), anew.at(-1)!.slice(0, 20), `${step}: ${poll}`)
  }
  assert.ok(kept > 100, `${kept} of 250 were kept`)
})

test('one session asks, another one is answered from memory; a change of flags is seen at once', async (t) => {
  const imap = await withMessages(t, 140)
  const [first, second] = await Promise.all([imap.login('INBOX'), imap.login('INBOX')])
  const reads = countReads(imap.store)
  const made = await first.ok('FETCH 1:* (UID FLAGS)')
  assert.equal(reads(), 1)
  assert.deepEqual(rows(await second.ok('FETCH 1:* (UID FLAGS)')), rows(made))
  assert.equal(reads(), 1)
  await first.ok('STORE 7 +FLAGS.SILENT ($label)')
  await second.ok('NOOP')
  const changed = rows(await second.ok('FETCH 1:* (UID FLAGS)'))
  assert.equal(changed[6], '* 7 FETCH (UID 7 FLAGS (\\Seen $label))')
  assert.deepEqual(rows(await first.ok('FETCH 1:* (UID FLAGS)')), changed)
})

test('a part of a mailbox is kept when it is asked for again, and while it is among the last', async (t) => {
  const imap = await withMessages(t, 200)
  const client = await imap.login('INBOX')
  const reads = countReads(imap.store)
  const part = 'FETCH 11:150 (UID FLAGS)'
  const answers = [await client.ok(part), await client.ok(part)]
  assert.equal(reads(), 2)
  for (let from = 1; from <= 40; from++) await client.ok(`FETCH ${from}:${from + 135} (FLAGS)`)
  assert.equal(reads(), 42)
  answers.push(await client.ok(part))
  assert.equal(reads(), 42)
  for (const answer of answers) assert.deepEqual(rows(answer), rows(answers[0]!))
  for (let from = 1; from <= 35; from++) {
    await client.ok(`FETCH ${from}:${from + 136} (UID)`)
    await client.ok(`FETCH ${from}:${from + 136} (UID RFC822.SIZE)`)
  }
  await client.ok('STORE 11 +FLAGS.SILENT (\\Flagged)')
  await client.ok(part)
  await client.ok(part)
  assert.equal(reads(), 114)
})

test('\\Recent, UIDONLY and sets with gaps are answered without what is kept', async (t) => {
  const imap = await withMessages(t, 140)
  const client = await imap.login('INBOX')
  await client.ok('FETCH 1:* (UID FLAGS)')
  const gaps = rows(await client.ok('FETCH 1:34,36:140 (UID FLAGS)'))
  assert.deepEqual([gaps.length, gaps[34]], [139, '* 36 FETCH (UID 36 FLAGS ())'])
  const uidOnly = await imap.login()
  await uidOnly.ok('ENABLE UIDONLY')
  await uidOnly.ok('SELECT INBOX')
  assert.match(uidOnlyRows(await uidOnly.ok('UID FETCH 1:* (FLAGS)'))[0]!, /^\* 1 UIDFETCH \(FLAGS/)
  await client.append('INBOX', message)
  await client.ok('NOOP')
  assert.equal(rows(await client.ok('FETCH 1:* (UID FLAGS)'))[140], '* 141 FETCH (UID 141 FLAGS (\\Recent))')
})

const uidOnlyRows = (lines: readonly string[]): string[] =>
  lines.filter((line) => line.includes(' UIDFETCH ('))

test('what is kept is bounded: the ones used longest ago go, long answers are not kept at all', () => {
  const kept = new KeptRows(10_000)
  const uids = Uint32Array.from({ length: 200 }, (_, at) => at + 1)
  let modSeq = 1
  const session = (id: number): never =>
    ({
      mailbox: { id, uids, keywords: [] },
      store: { messages: { modSeqNow: () => modSeq } },
    }) as never
  const items = [{ kind: 'flags' }] as never
  const put = (id: number, octets: Buffer): void => {
    const asked = kept.ask(session(id), items, uids)
    assert.ok(asked instanceof RowsAsked)
    asked.sent(octets, 200)
    asked.complete(200)
  }
  const known = (id: number): Buffer | undefined => kept.ask(session(id), items, uids)!.known()
  for (let id = 1; id <= 4; id++) put(id, Buffer.alloc(2000, id))
  assert.ok(kept.sizeBytes <= 10_000)
  assert.deepEqual([known(1), known(4)], [undefined, Buffer.alloc(2000, 4)])
  put(5, Buffer.alloc(5001))
  assert.equal(known(5), undefined)
  // The mailbox changed while the answer was made.
  const asked = kept.ask(session(6), items, uids)!
  asked.sent(Buffer.alloc(10), 200)
  modSeq++
  asked.complete(200)
  assert.deepEqual([known(6), known(4)], [undefined, undefined])
  // Some messages were gone already.
  const fewer = kept.ask(session(7), items, uids)!
  fewer.sent(Buffer.alloc(10), 199)
  fewer.complete(200)
  assert.equal(known(7), undefined)
  assert.equal(kept.ask(session(8), items, uids.slice(0, 127)), undefined)
})
