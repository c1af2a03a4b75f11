import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Maintenance, MessageStore, Store } from '@posthorn/storage'
import { message as corpusMessage } from '../../../../bench/corpus.mjs'
import { type ImapFixture, startImapFixture } from '../testkit/imap-fixture.ts'

const odd = [
  'Subject: no end of line',
  '\r\nno header at all\r\n',
  'subject: a\r\nSUBJECT : b\r\nSubject:\r\n folded\r\nnot a field\r\nX-Label: c\r\n\r\nx',
  'Subject: a\nFrom: bare@lf\n\nx',
  'From: \xe4\xf6 <a@b>\r\nSubject: "quoted \\ and \xff"\r\nTo: a@b, c@d, e@f\r\n\r\nx',
  `To: ${'somebody@example.org, '.repeat(1_500)}x@y\r\nSubject: many\r\n\r\nx`,
  `Subject: large\r\n${'To: a@b\r\n'.repeat(20_000)}\r\nx`,
  `${'Received: from a by b; 1 Jan 2020 00:00:00 +0000\r\n'.repeat(300)}Subject: far\r\n\r\nx`,
  'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx\r\n--b--\r\n',
]

const thunderbird =
  'From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To'

/** What clients ask for lists, in different orders, and some that listings do not know. */
const questions = [
  'FETCH 1:* (ENVELOPE BODYSTRUCTURE)',
  'FETCH 1:* (BODYSTRUCTURE FLAGS ENVELOPE)',
  'FETCH 1:* (ENVELOPE)',
  'FETCH 1:* (ENVELOPE UID BODYSTRUCTURE INTERNALDATE)',
  'FETCH 1:* ALL',
  'FETCH 1:* FULL',
  `UID FETCH 1:* (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (${thunderbird})])`,
  'FETCH 2:5,9,11:* (BODY.PEEK[HEADER.FIELDS (Received subject)] BODYSTRUCTURE)',
  'FETCH 1:* (BODY.PEEK[HEADER.FIELDS (Subject)] BODY.PEEK[HEADER.FIELDS (X-Label To)])',
  'FETCH 1:* (BODY.PEEK[HEADER.FIELDS (Subject)]<2.20>)',
  'FETCH 1:* (BODY.PEEK[HEADER.FIELDS (Subject X-Unkept)])',
  'FETCH 1:* (BODY.PEEK[HEADER.FIELDS.NOT (Subject)] ENVELOPE)',
  'FETCH 1:* (ENVELOPE FLAGS MODSEQ SAVEDATE EMAILID ENVELOPE FLAGS)',
] as const

const fill = async (imap: ImapFixture, t: TestContext): Promise<void> => {
  const client = await imap.login()
  t.after(() => client.destroy())
  for (let i = 0; i < 140; i++) await client.append('INBOX', (corpusMessage(i) as Buffer).toString('latin1'))
  await deliver(imap.store)
  for (const message of odd) await client.append('INBOX', message)
}

/** With trace fields, one of them of those that lists show. */
const deliver = async (store: Store): Promise<void> => {
  const account = (await store.accounts.find('alice@example.org'))!.id
  const writer = store.messages.stage()
  await writer.write(Buffer.from('Received: by earlier; now\r\nSubject: delivered\r\n\r\nx'))
  const prefix = Buffer.from('Return-Path: <a@b>\r\nReceived: from a by b; now\r\n')
  const route = { kind: 'mailbox', account, mailbox: 'INBOX', prefix } as const
  await store.queue.accept({
    message: await writer.finish(),
    entry: {
      queueId: store.queue.newId(0),
      sender: 'a@b',
      recipients: [{ address: 'alice@example.org', route }],
      options: {},
      origin: { clientName: 'x', clientAddress: '192.0.2.1', helo: 'x', protocol: 'ESMTP' },
      arrivedMs: 0,
    },
  })
}

test('RFC 9051 §6.4.5: answers from listings are those made from the messages, before, while and after', async (t) => {
  const imap = await startImapFixture(t)
  await fill(imap, t)
  const client = await imap.login('INBOX')
  await client.ok('ENABLE CONDSTORE')
  await client.ok('STORE 3:40 +FLAGS (\\Flagged $Forwarded)')
  await client.ok('STORE 30:50 +FLAGS (\\Seen other)')
  const before: string[][] = []
  for (const question of questions) before.push((await client.ok(question)).slice(0, -1))
  await (imap.store as Store & Maintenance).makeTexts()
  for (const [at, question] of questions.entries())
    assert.deepEqual((await client.ok(question)).slice(0, -1), before[at], question)
  for (const message of odd) await client.append('INBOX', message)
  await client.ok('NOOP')
  const count = 141 + odd.length
  for (const [at, question] of questions.entries()) {
    const range = question.replace('1:*', `1:${count}`).replace('11:*', `11:${count}`)
    assert.deepEqual((await client.ok(range)).slice(0, -1), before[at], range)
    const all = await client.ok(question)
    assert.ok(all.length > before[at]!.length, question)
  }
})

test('RFC 9586 §3: answers from listings begin with the UID after ENABLE UIDONLY', async (t) => {
  const imap = await startImapFixture(t)
  await fill(imap, t)
  const client = await imap.login()
  await client.ok('ENABLE UIDONLY')
  await client.ok('SELECT INBOX')
  const question = 'UID FETCH 1:* (FLAGS ENVELOPE BODY.PEEK[HEADER.FIELDS (Subject From)])'
  const before = (await client.ok(question)).slice(0, -1)
  assert.match(before[0]!, /^\* 1 UIDFETCH \(FLAGS \([^)]*\) ENVELOPE/)
  await (imap.store as Store & Maintenance).makeTexts()
  assert.deepEqual((await client.ok(question)).slice(0, -1), before)
})

test('RFC 9051 §6.4.5: a page of a list has the rows of the whole list, and is answered at once where it can be', async (t) => {
  const imap = await startImapFixture(t)
  await fill(imap, t)
  const other = await imap.login('INBOX')
  const client = await imap.login('INBOX')
  await client.ok('ENABLE CONDSTORE')
  await (imap.store as Store & Maintenance).makeTexts()
  for (const message of odd) await other.append('INBOX', message)
  // What is \Recent is so for the other one.
  await other.ok('NOOP')
  await client.ok('NOOP')
  const waited = countWaits(imap.store)
  for (const reader of [client, other]) {
    for (const question of [...questions, ...columns].filter((each) => each.includes(' 1:* '))) {
      const whole = recordsOf(await reader.ok(question))
      // Listed ones, some that cannot be listed, and some that are not listed yet.
      for (const [first, last] of pages) {
        const page = await reader.ok(question.replace('1:*', `${first}:${last}`))
        assert.deepEqual(recordsOf(page), whole.slice(first - 1, last), `${first}:${last} of ${question}`)
      }
    }
  }
  waited()
  await client.ok('FETCH 20:70 (FLAGS ENVELOPE)')
  await client.ok('FETCH 20:70 (FLAGS)')
  await client.ok('FETCH 20:70 (FLAGS INTERNALDATE RFC822.SIZE)')
  assert.match((await other.ok('FETCH 100:157 (FLAGS)')).join(''), /\\Recent/)
  assert.equal(waited(), 0)
  await client.ok('FETCH 100:152 (FLAGS ENVELOPE)')
  assert.ok(waited() > 0)
  // RFC 9051 §7.3.5: a name of a flag comes before the first message that has it.
  await other.ok('STORE 25 +FLAGS.SILENT ($new)')
  const page = await client.ok('FETCH 20:70 (FLAGS)')
  const named = page.findIndex((line) => line.startsWith('* FLAGS ') && line.includes('$new'))
  const used = page.findIndex((line) => line.startsWith('* 25 FETCH') && line.includes('$new'))
  assert.ok(named >= 0 && named < used, page.join('\n'))
})

const columns = [
  'FETCH 1:* (UID FLAGS)',
  'UID FETCH 1:* (MODSEQ RFC822.SIZE)',
  'FETCH 1:* (FLAGS INTERNALDATE SAVEDATE EMAILID)',
]

const pages = [
  [20, 70],
  [2, 121],
  [100, 150],
  [130, 155],
] as const

/** Responses, literals included. */
const recordsOf = (lines: readonly string[]): string[] => {
  const records: string[] = []
  for (const line of lines.slice(0, -1)) {
    if (/^\* \d+ FETCH \(/.test(line)) records.push(line)
    else if (records.length > 0) records[records.length - 1] += line
  }
  return records
}

/** How often rows were read by `fetch` since the last question. */
const countWaits = (store: Store): (() => number) => {
  const messages = store.messages as { fetch: MessageStore['fetch'] }
  const fetch = messages.fetch.bind(messages)
  let waits = 0
  messages.fetch = (...args) => {
    waits++
    return fetch(...args)
  }
  return () => {
    const since = waits
    waits = 0
    return since
  }
}

test('listings have the messages of the corpus, and fields where the summary has all', async (t) => {
  const imap = await startImapFixture(t)
  await fill(imap, t)
  const { store } = imap
  await (store as Store & Maintenance).makeTexts()
  const account = await store.accounts.find('alice@example.org')
  const inbox = await store.mailboxes.find(account!.id, 'INBOX')
  const { uids } = await store.messages.view(inbox!.id)
  const lengths: number[][] = [[], []]
  for await (const { listing } of store.messages.fetch(inbox!.id, uids, { listing: [0, 1] })) {
    for (const [column, { starts, ends }] of listing!.entries())
      for (const [row, start] of starts.entries()) lengths[column]!.push(ends[row]! - start)
  }
  assert.deepEqual(
    lengths.map((column) => column.flatMap((length, row) => (length === 0 ? [row + 1] : []))),
    // The envelope of many recipients, and fields that are too many or too long to be kept.
    [
      [147, 148],
      [147, 148, 149],
    ],
  )
})
