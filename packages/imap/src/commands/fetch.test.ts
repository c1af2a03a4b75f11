import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answer, lines, literal, nested, plain, withMessages } from '../testkit/fetch-samples.ts'

test('RFC 9051 §6.4.5: every item that stands in columns', async (t) => {
  const { client } = await withMessages(t, [plain])
  assert.equal(
    await answer(client, 'FETCH 1 (FLAGS UID INTERNALDATE RFC822.SIZE)'),
    `* 1 FETCH (FLAGS (\\Recent) UID 1 INTERNALDATE "17-Jul-1996 09:44:25 +0000" RFC822.SIZE ${plain.length})`,
  )
  assert.equal(await answer(client, 'UID FETCH 1 FLAGS'), '* 1 FETCH (UID 1 FLAGS (\\Recent))')
})

test('RFC 9051 §7.5.2: ENVELOPE, BODY, BODYSTRUCTURE', async (t) => {
  const { client } = await withMessages(t, [plain, nested])
  const ann = '(("Ann" NIL "ann" "example.org"))'
  const bob = '((NIL NIL "bob" "example.org"))'
  assert.equal(
    await answer(client, 'FETCH 1 ENVELOPE'),
    `* 1 FETCH (ENVELOPE (NIL "Hello" ${ann} ${ann} ${ann} ${bob} NIL NIL NIL NIL))`,
  )
  const text = '"text" "plain" ("charset" "us-ascii") NIL NIL "7bit"'
  assert.equal(await answer(client, 'FETCH 1 BODY'), `* 1 FETCH (BODY (${text} 10 2))`)
  assert.equal(
    await answer(client, 'FETCH 1 BODYSTRUCTURE'),
    `* 1 FETCH (BODYSTRUCTURE (${text} 10 2 NIL NIL NIL NIL))`,
  )
  const inner = `((${text} 10 0)("image" "gif" NIL NIL NIL "7bit" 3) "mixed")`
  const octets = '("application" "octet-stream" NIL NIL NIL "base64" 4)'
  const message = `("message" "rfc822" NIL NIL NIL "7bit" 122 (NIL "inner" NIL NIL NIL NIL NIL NIL NIL NIL) ${inner} 10)`
  assert.equal(
    await answer(client, 'FETCH 2 BODY'),
    `* 2 FETCH (BODY ((${text} 5 0)${octets}${message} "mixed"))`,
  )
})

const sections: readonly (readonly [string, string, string])[] = [
  ['BODY.PEEK[]', 'BODY[]', literal(nested)],
  [
    'RFC822.HEADER',
    'RFC822.HEADER',
    literal(lines('Subject: outer', 'Content-Type: multipart/mixed; boundary=a', '')),
  ],
  [
    'BODY.PEEK[HEADER.FIELDS (SUBJECT)]',
    'BODY[HEADER.FIELDS (SUBJECT)]',
    literal(lines('Subject: outer', '')),
  ],
  ['BODY.PEEK[HEADER.FIELDS (X)]', 'BODY[HEADER.FIELDS (X)]', literal('\r\n')],
  [
    'BODY.PEEK[HEADER.FIELDS.NOT (subject)]',
    'BODY[HEADER.FIELDS.NOT (SUBJECT)]',
    literal(lines('Content-Type: multipart/mixed; boundary=a', '')),
  ],
  ['BODY.PEEK[1]', 'BODY[1]', literal('first')],
  ['BODY.PEEK[1.MIME]', 'BODY[1.MIME]', literal('\r\n')],
  ['BODY.PEEK[2]', 'BODY[2]', literal('AAAA')],
  ['BODY.PEEK[2.MIME]<0.12>', 'BODY[2.MIME]<0>', literal('Content-Type')],
  [
    'BODY.PEEK[3.HEADER]',
    'BODY[3.HEADER]',
    literal(lines('Subject: inner', 'Content-Type: multipart/mixed; boundary=b', '')),
  ],
  [
    'BODY.PEEK[3.HEADER.FIELDS (Subject)]',
    'BODY[3.HEADER.FIELDS (SUBJECT)]',
    literal(lines('Subject: inner', '')),
  ],
  ['BODY.PEEK[3.TEXT]<0.3>', 'BODY[3.TEXT]<0>', literal('--b')],
  ['BODY.PEEK[3.1]', 'BODY[3.1]', literal('inner text')],
  ['BODY.PEEK[3.2]', 'BODY[3.2]', literal('GIF')],
  ['BODY.PEEK[]<9.5>', 'BODY[]<9>', literal('outer')],
  ['BODY.PEEK[]<100000.5>', 'BODY[]<100000>', literal('')],
  ['BODY.PEEK[]<0.0>', 'BODY[]<0>', literal('')],
  ['BODY.PEEK[4]', 'BODY[4]', 'NIL'],
  ['BODY.PEEK[1.1]', 'BODY[1.1]', 'NIL'],
  ['BODY.PEEK[2.TEXT]', 'BODY[2.TEXT]', 'NIL'],
]

test('RFC 9051 §6.4.5.1: sections, and none of them sets \\Seen', async (t) => {
  const { client } = await withMessages(t, [nested])
  for (const [item, label, value] of sections) {
    assert.equal(await answer(client, `FETCH 1 ${item}`), `* 1 FETCH (${label} ${value})`, item)
  }
  assert.equal(await answer(client, 'FETCH 1 FLAGS'), '* 1 FETCH (FLAGS (\\Recent))')
})

test('RFC 9051 §6.4.5.1: a message that is not multipart has part 1', async (t) => {
  const { client } = await withMessages(t, [plain])
  assert.equal(
    await answer(client, 'FETCH 1 BODY.PEEK[1]'),
    `* 1 FETCH (BODY[1] ${literal(lines('one', 'two'))})`,
  )
  const mime = await answer(client, 'FETCH 1 BODY.PEEK[1.MIME]')
  assert.ok(mime.startsWith('* 1 FETCH (BODY[1.MIME] {76}\nFrom: Ann'), mime)
  assert.equal(await answer(client, 'FETCH 1 BODY.PEEK[2]'), '* 1 FETCH (BODY[2] NIL)')
})

test('RFC 9051 §6.4.9: UID FETCH n:* past the end answers the last message; unknown UIDs are no error', async (t) => {
  const { client } = await withMessages(t, [plain, plain])
  assert.equal(await answer(client, 'UID FETCH 500:* (FLAGS)'), '* 2 FETCH (UID 2 FLAGS (\\Recent))')
  assert.equal(await answer(client, 'UID FETCH 500 (FLAGS)'), '')
})

test('RFC 9051 §9 seq-number: a sequence number that is not there is BAD', async (t) => {
  const { client } = await withMessages(t, [plain])
  assert.match((await client.command('FETCH 2 FLAGS')).at(-1)!, /^BAD /)
  assert.match((await client.command('FETCH 0 FLAGS')).at(-1)!, /^BAD /)
  assert.match((await client.command('FETCH 1 (BOGUS)')).at(-1)!, /^BAD .*Unknown FETCH item/)
})

test('RFC 9051 §4.3: NUL in a stored message is sent as 0x80', async (t) => {
  const { imap, client } = await withMessages(t, [plain])
  const { messages, mailboxes } = imap.store
  const inbox = (await mailboxes.find(1 as never, 'INBOX'))!
  const writer = messages.stage()
  writer.write(Buffer.from('Subject: a\0b\r\n\r\nx\0y\r\n'))
  await messages.append(inbox.id, [
    { message: await writer.finish(), flags: { system: 0, keywords: [] }, internalDateMs: 0 },
  ])
  await client.ok('NOOP')
  assert.equal(await answer(client, 'FETCH 2 BODY.PEEK[TEXT]'), '* 2 FETCH (BODY[TEXT] {5}\nx\x80y\n)')
  assert.match(await answer(client, 'FETCH 2 BODY.PEEK[HEADER.FIELDS (SUBJECT)]'), /Subject: a\x80b/)
  const whole = '* 2 FETCH (BODY[] {21}\nSubject: a\x80b\n\nx\x80y\n)'
  assert.equal(await answer(client, 'FETCH 2 BODY.PEEK[]'), whole)
  assert.equal((await answer(client, 'FETCH 1:2 BODY.PEEK[]')).slice(-whole.length), whole)
})

test('headers: what the summary keeps and what it does not give the same octets', async (t) => {
  const { client } = await withMessages(t, [plain])
  const kept = await answer(client, 'FETCH 1 BODY.PEEK[HEADER.FIELDS (From Subject)]')
  assert.equal(
    kept,
    `* 1 FETCH (BODY[HEADER.FIELDS (FROM SUBJECT)] ${literal(lines('From: Ann <ann@example.org>', 'Subject: Hello', ''))})`,
  )
  assert.equal(
    await answer(client, 'FETCH 1 BODY.PEEK[HEADER.FIELDS (From X-A)]'),
    `* 1 FETCH (BODY[HEADER.FIELDS (FROM X-A)] ${literal(lines('From: Ann <ann@example.org>', 'X-A: 1', ''))})`,
  )
})

test('the trace fields of a delivery belong to the message: header, sizes, offsets', async (t) => {
  const { imap, client } = await withMessages(t, [])
  const { messages, queue, accounts } = imap.store
  const prefix = lines('Return-Path: <ann@example.org>', 'Delivered-To: alice@example.org')
  const writer = messages.stage()
  await writer.write(Buffer.from(nested))
  const account = (await accounts.find('alice@example.org'))!.id
  await queue.accept({
    message: await writer.finish(),
    entry: {
      queueId: queue.newId(0),
      sender: 'ann@example.org',
      recipients: [
        {
          address: 'alice@example.org',
          route: { kind: 'mailbox', account, mailbox: 'INBOX', prefix: Buffer.from(prefix) },
        },
      ],
      options: {},
      origin: { clientName: 'x', clientAddress: '192.0.2.1', helo: 'x', protocol: 'ESMTP' },
      arrivedMs: 0,
    },
  })
  await client.ok('NOOP')
  const whole = prefix + nested
  assert.equal(
    await answer(client, 'FETCH 1 (RFC822.SIZE BODY.PEEK[])'),
    `* 1 FETCH (RFC822.SIZE ${whole.length} BODY[] ${literal(whole)})`,
  )
  assert.equal(
    await answer(client, 'FETCH 1 BODY.PEEK[]<70.20>'),
    `* 1 FETCH (BODY[]<70> ${literal(whole.slice(70, 90))})`,
  )
  assert.equal(
    await answer(client, 'FETCH 1 BODY.PEEK[HEADER.FIELDS (Delivered-To Subject)]'),
    `* 1 FETCH (BODY[HEADER.FIELDS (DELIVERED-TO SUBJECT)] ${literal(lines('Delivered-To: alice@example.org', 'Subject: outer', ''))})`,
  )
  assert.equal(
    await answer(client, 'FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject)]'),
    `* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] ${literal(lines('Subject: outer', ''))})`,
  )
  const header = lines('Subject: outer', 'Content-Type: multipart/mixed; boundary=a', '')
  assert.equal(
    await answer(client, 'FETCH 1 RFC822.HEADER'),
    `* 1 FETCH (RFC822.HEADER ${literal(prefix + header)})`,
  )
  const text = nested.slice(header.length)
  assert.equal(await answer(client, 'FETCH 1 BODY.PEEK[TEXT]'), `* 1 FETCH (BODY[TEXT] ${literal(text)})`)
  assert.equal(await answer(client, 'FETCH 1 BODY.PEEK[3.2]'), `* 1 FETCH (BODY[3.2] ${literal('GIF')})`)
  assert.equal(
    await answer(client, 'FETCH 1 BODY.PEEK[2.MIME]<0.12>'),
    `* 1 FETCH (BODY[2.MIME]<0> ${literal('Content-Type')})`,
  )
})
