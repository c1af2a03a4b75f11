import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { MessageStore, Store } from '@posthorn/storage'
import { type ImapFixture, startImapFixture } from '../testkit/imap-fixture.ts'
import { oneOf, randomFrom } from '../testkit/random.ts'

const messages = ['b', 'a', 'Re: b', 'c', 'Re: a', 'a'].map(
  (subject, at) =>
    `Subject: ${subject}\r\nDate: Thu, 1 Jan 2026 00:0${5 - at}:00 +0000\r\nMessage-ID: <${at}@x>\r\n\r\nbody ${at}\r\n`,
)

async function withMessages(t: TestContext, count: number): Promise<ImapFixture> {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  for (let n = 0; n < count; n++)
    await client.append('INBOX', messages[n % messages.length]!, n % 3 === 0 ? '(\\Seen)' : '')
  // What is \Recent is so for this session alone.
  await client.ok('SELECT INBOX')
  await client.ok('LOGOUT')
  return imap
}

/** How often the store was searched. */
function countSearches(store: Store): () => number {
  const of = store.messages as { search: MessageStore['search'] }
  const search = of.search.bind(of)
  let searches = 0
  of.search = (...args) => {
    searches++
    return search(...args)
  }
  return () => searches
}

const polls: readonly string[] = [
  'SEARCH UNSEEN',
  'UID SEARCH UNSEEN',
  'SEARCH OR FLAGGED KEYWORD $a',
  'SEARCH NOT DELETED UID 3:30 SINCE 1-Jan-2020',
  'SEARCH MODSEQ 20 UNSEEN',
  'SEARCH SUBJECT a',
  'UID SEARCH TEXT "body 3"',
  'SEARCH RETURN (COUNT) UNSEEN',
  'UID SEARCH RETURN (MIN MAX ALL COUNT) UNSEEN',
  'UID SEARCH RETURN (MIN) MODSEQ 20 UNSEEN',
  'SEARCH RETURN (PARTIAL 2:5) NOT DELETED',
  'UID SORT RETURN (ALL COUNT) (REVERSE SUBJECT) UTF-8 UNSEEN',
  'SORT (SUBJECT REVERSE DATE) UTF-8 UNSEEN',
  'UID SORT (REVERSE ARRIVAL) UTF-8 ALL',
  'THREAD REFERENCES UTF-8 UNSEEN',
  'UID THREAD ORDEREDSUBJECT UTF-8 ALL',
]

const answers = (lines: readonly string[]): string[] =>
  lines.filter((line) => /^\* (E?SEARCH|SORT|THREAD)/.test(line)).map((line) => line.replace(/"\w+"/, 'TAG'))

test('RFC 9051 §6.4.4, RFC 5256: answers that are kept are those that would be made anew, whatever others do', async (t) => {
  const imap = await withMessages(t, 40)
  const searches = countSearches(imap.store)
  const clients = await Promise.all([imap.login('INBOX'), imap.login('INBOX'), imap.login('INBOX')])
  await clients[2]!.ok('ENABLE IMAP4rev2')
  const random = randomFrom(5256)
  let kept = 0
  for (let step = 0; step < 200; step++) {
    const from = 1 + random(40)
    const set = `${from}:${from + random(5)}`
    const deeds: readonly string[] = [
      `UID STORE ${set} +FLAGS (${oneOf(random, ['\\Seen', '\\Flagged', '\\Deleted', '$a', `$new${random(20)}`])})`,
      `UID STORE ${set} -FLAGS.SILENT (\\Seen)`,
      `UID COPY ${set} INBOX`,
      `UID MOVE ${set} INBOX`,
      'EXPUNGE',
      `APPEND INBOX {${messages[1]!.length}+}\r\n${messages[1]}`,
      'NOOP',
      'SELECT INBOX',
    ]
    await oneOf(random, clients).command(oneOf(random, deeds))
    const client = oneOf(random, clients)
    const poll = oneOf(random, polls)
    await client.command(poll)
    const before = searches()
    const again = await client.command(poll)
    if (searches() === before) kept++
    // Another question, to which the answer is the same.
    const anew = await client.command(`${poll} NOT KEYWORD never${step}`)
    assert.ok(searches() > before)
    assert.deepEqual(answers(again), answers(anew), `${step}: ${poll}`)
    assert.equal(answers(again).length, 1)
  }
  assert.ok(kept > 80, `${kept} of 200 were kept`)
})

test('one session searches, another one is answered from memory; what depends on more is searched again', async (t) => {
  const imap = await withMessages(t, 12)
  const [first, second] = await Promise.all([imap.login('INBOX'), imap.login('INBOX')])
  const searches = countSearches(imap.store)
  const made = answers(await first.ok('SEARCH UNSEEN'))
  assert.deepEqual(made, ['* SEARCH 2 3 5 6 8 9 11 12'])
  assert.deepEqual(answers(await second.ok('SEARCH UNSEEN')), made)
  assert.equal(searches(), 1)
  await first.ok('STORE 3 +FLAGS.SILENT (\\Seen)')
  assert.deepEqual(answers(await second.ok('SEARCH UNSEEN')), ['* SEARCH 2 5 6 8 9 11 12'])
  assert.equal(searches(), 2)
  const one = await first.ok('SEARCH RETURN (COUNT) UNSEEN')
  const other = await first.ok('SEARCH RETURN (COUNT) UNSEEN')
  assert.deepEqual(answers(one), ['* ESEARCH (TAG TAG) COUNT 7'])
  assert.deepEqual(answers(other), answers(one))
  assert.notEqual(other[0], one[0], 'each has its own tag')
  assert.equal(searches(), 3)
  const asked = [
    'SEARCH YOUNGER 1000',
    'SEARCH FUZZY SUBJECT a',
    'SEARCH RETURN (SAVE COUNT) UNSEEN',
    'SEARCH THREADID Tx',
  ]
  for (const each of asked) {
    const before = searches()
    await first.ok(each)
    await first.ok(each)
    assert.equal(searches(), before + 2, each)
  }
})
