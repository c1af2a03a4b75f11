/** Every reply of the milter protocol, on a whole receiving side. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { milterFrame } from '../milter/testkit/scripted-milter-fixture.ts'
import { connection, replyText } from './mail-fixture.ts'
import {
  addHeader,
  changeHeader,
  code,
  go,
  insertHeader,
  logged,
  message,
  milterOf,
  one,
  sent,
  site,
  stored,
  stranger,
} from './milter-site-fixture.ts'

/** reply at event → what the client is told last, what is logged. */
const refusals: readonly (readonly [string, readonly Buffer[], string, RegExp])[] = [
  [
    'M',
    one('r'),
    '550 5.7.1 Command rejected',
    /NOQUEUE: milter-reject: MAIL from unknown\[198.51.100.5\]: 550 5.7.1 Command rejected; from=<x@far.net> proto=ESMTP helo=<client.example.net>$/,
  ],
  ['M', one('t'), '451 4.7.1 Service unavailable - try again later', /milter-reject: MAIL .*: 451 4.7.1 /],
  [
    'R',
    code('550 5.7.9 no such list'),
    '550 5.7.9 no such list',
    /NOQUEUE: milter-reject: RCPT from unknown\[198.51.100.5\]: 550 5.7.9 no such list; from=<x@far.net> to=<alice@example.org> proto/,
  ],
  [
    'R',
    code('450-4.7.8 first\r\n450 4.7.8 second'),
    '450 4.7.8 first\nsecond',
    /milter-reject: RCPT .*: 450 4.7.8 first second; /,
  ],
  ['R', one('4'), '421 4.7.0 Server closing connection', /milter-reject: RCPT .*: 421 4.7.0 /],
  [
    'T',
    one('t'),
    '451 4.7.1 Service unavailable - try again later',
    /ID: milter-reject: DATA from .*; from=<x@far.net> to=<alice@example.org> proto/,
  ],
  [
    'L',
    one('r'),
    '550 5.7.1 Command rejected',
    /cleanup ID: milter-reject: END-OF-MESSAGE from unknown\[198.51.100.5\]: 5.7.1 Command rejected; from=<x@far.net> to=<alice@example.org> proto=ESMTP helo=<client.example.net>$/,
  ],
  ['N', one('t'), '451 4.7.1 Service unavailable - try again later', /milter-reject: END-OF-MESSAGE/],
  ['B', code('554 5.7.1 virus'), '554 5.7.1 virus', /milter-reject: END-OF-MESSAGE .*: 5.7.1 virus; /],
  ['E', one('r'), '550 5.7.1 Command rejected', /milter-reject: END-OF-MESSAGE/],
  ['E', one('4'), '421 4.7.0 Server closing connection', /milter-reject: END-OF-MESSAGE/],
  [
    'E',
    one('z'),
    '451 4.7.1 Service unavailable - try again later',
    /milter inet:127.0.0.1:\d+: unexpected filter response \(unknown filter reply\) after event endOfBody/,
  ],
  [
    'M',
    code('250 ok'),
    '451 4.3.5 Server configuration problem - try again later',
    /malformed reply: "250 ok"/,
  ],
  [
    'M',
    code('550-5.7.1 a\r\n551 5.7.1 b'),
    '451 4.3.5 Server configuration problem - try again later',
    /malformed reply/,
  ],
  [
    'M',
    one('f'),
    '451 4.7.1 Service unavailable - try again later',
    /unexpected filter response \(connection-failure\)/,
  ],
  [
    'E',
    [milterFrame('h', 'X\0no end')],
    '451 4.7.1 Service unavailable - try again later',
    /a string without its end/,
  ],
]

for (const [event, replies, expected, line] of refusals) {
  test(`${event} answered ${JSON.stringify(replies[0]?.toString('latin1', 4))}: ${expected.replace('\n', ' / ')}`, async () => {
    for (const pieces of [undefined, 'one-by-one'] as const) {
      const milter = await milterOf({
        replies: { [event]: replies },
        ...(pieces === undefined ? {} : { pieces }),
      })
      const mail = await site([milter.spec])
      assert.equal(await sent(mail), expected)
      assert.match(logged(mail).join('\n'), new RegExp(line.source, 'm'))
      assert.deepEqual(await mail.inbox('alice@example.org'), [])
    }
  })
}

test('CONNECT: refused for good, for now, with 421, and accepted without another question', async () => {
  const greeting = async (reply: Buffer) => {
    const milter = await milterOf({ replies: { C: [reply] } })
    const mail = await site([milter.spec])
    const { session, reply: said } = await connection(mail.handler, stranger)
    return { mail, milter, said: replyText(said), session }
  }
  assert.equal((await greeting(milterFrame('r'))).said, '554 mx.example.org ESMTP not accepting connections')
  assert.equal(
    (await greeting(milterFrame('4'))).said,
    '421 mx.example.org Service unavailable - try again later',
  )
  const later = await greeting(milterFrame('t'))
  assert.equal(later.said, '220 mx.example.org ESMTP Posthorn')
  assert.equal(
    (await later.mail.say(later.session, 'x@far.net', ['alice@example.org'])).at(-1),
    '451 4.7.1 Service unavailable - try again later',
  )
  const friend = await greeting(milterFrame('a'))
  assert.equal(
    (await friend.mail.say(friend.session, 'x@far.net', ['alice@example.org'])).at(-1),
    '250 2.0.0 Ok: queued as ID',
  )
  assert.ok(!friend.milter.heard.some((line) => line.startsWith('M')))
})

test('HELO: a refusal is told at MAIL; unknown commands reach the filter', async () => {
  const milter = await milterOf({
    replies: { H: code('550 5.7.9 no helo'), U: code('500 5.5.9 never heard') },
  })
  const mail = await site([milter.spec])
  const { session } = await connection(mail.handler, stranger)
  assert.equal(await mail.handler.helo(session, 'EHLO'), undefined)
  assert.deepEqual(await mail.say(session, 'x@far.net', []), ['550 5.7.9 no helo'])
  const other = await milterOf({ replies: { U: code('500 5.5.9 never heard') } })
  const second = await site([other.spec])
  const reply = await second.handler.unknown?.(await second.session(stranger), 'FOO bar')
  assert.equal(reply === undefined ? '' : replyText(reply), '500 5.5.9 never heard')
  assert.ok(other.heard.includes('UFOO bar|'))
})

test('accept and discard of a message; hold; the next message of the session is asked again', async () => {
  let count = 0
  const milter = await milterOf({
    replies: {
      M: () => [milterFrame(['a', 'd', 'c'][count++] ?? 'c')],
      E: [milterFrame('q', 'odd\0'), milterFrame('c')],
    },
  })
  const mail = await site([milter.spec])
  const session = await mail.session(stranger)
  const say = async () => (await mail.say(session, 'x@far.net', ['alice@example.org'], message)).at(-1)
  assert.equal(await say(), '250 2.0.0 Ok: queued as ID')
  assert.equal((await mail.inbox('alice@example.org')).length, 1)
  assert.ok(!milter.heard.some((line) => line.startsWith('R')))
  assert.equal(await say(), '250 2.0.0 Ok: queued as ID')
  assert.equal((await mail.inbox('alice@example.org')).length, 1)
  assert.match(
    logged(mail).join('\n'),
    /NOQUEUE: milter-discard: MAIL from .*: milter triggers DISCARD action; /,
  )
  assert.equal(await say(), '250 2.0.0 Ok: queued as ID')
  assert.equal((await mail.inbox('alice@example.org')).length, 1, 'held')
  assert.equal(await mail.store.queue.count(), 1)
  assert.match(
    logged(mail).join('\n'),
    /ID: milter-hold: END-OF-MESSAGE from .*: milter triggers HOLD action; /,
  )
})

/** Changes, and the message as it is stored below our Received. */
const edits: readonly (readonly [string, readonly Buffer[], string])[] = [
  ['addheader', [addHeader('X-New', 'a\n\tb')], message.replace('\r\n\r\n', '\r\nX-New: a\r\n\tb\r\n\r\n')],
  [
    'addheader that would begin the body',
    [addHeader('X-New', 'a\n\nevil\r\nX: y')],
    message.replace('\r\n\r\n', '\r\nX-New: a\r\n evil\r\n X: y\r\n\r\n'),
  ],
  [
    'insheader',
    [insertHeader(1, 'X-First', '1'), insertHeader(3, 'X-Third', '3')],
    `X-First: 1\r\n${message.replace('X-Old:  one', 'X-Third: 3\r\nX-Old:  one')}`,
  ],
  [
    'chgheader',
    [changeHeader(2, 'x-old', 'zwei'), changeHeader(1, 'Nowhere', 'new')],
    message.replace('X-Old: two', 'x-old: zwei\r\nNowhere: new'),
  ],
  ['chgheader takes away', [changeHeader(1, 'X-Old', '')], message.replace('X-Old:  one\r\n', '')],
  [
    'replbody',
    [milterFrame('b', 'new\r\nlines\n'), milterFrame('b', 'end\r'), milterFrame('b', '\n')],
    `${message.slice(0, message.indexOf('\r\n\r\n'))}\r\n\r\nnew\r\nlines\r\nend\r\n`,
  ],
  [
    'progress first',
    [milterFrame('p'), milterFrame('p'), addHeader('X', 'y')],
    message.replace('\r\n\r\n', '\r\nX: y\r\n\r\n'),
  ],
]

for (const [name, replies, expected] of edits) {
  test(`end of message: ${name}`, async () => {
    for (const pieces of [undefined, 'one-by-one'] as const) {
      const milter = await milterOf({
        replies: { E: [...replies, go] },
        ...(pieces === undefined ? {} : { pieces }),
      })
      const mail = await site([milter.spec])
      assert.equal(await sent(mail), '250 2.0.0 Ok: queued as ID')
      assert.deepEqual(await stored(mail), [expected])
    }
  })
}

test('insheader at 0 stands above our own Received', async () => {
  const milter = await milterOf({ replies: { E: [insertHeader(0, 'X-Top', '1'), go] } })
  const mail = await site([milter.spec])
  await sent(mail)
  assert.match(
    (await mail.inbox('alice@example.org'))[0] ?? '',
    /Delivered-To: [^\r]*\r\nX-Top: 1\r\nReceived: from client/,
  )
})

test('chgfrom, addrcpt, addrcpt_par, delrcpt; nobody left is nobody told', async () => {
  const milter = await milterOf({
    replies: {
      E: [
        milterFrame('e', '<other@far.net>\0'),
        milterFrame('-', '<ALICE@example.org>\0'),
        milterFrame('+', '<bob@example.org>\0'),
        milterFrame('2', 'alice+x@example.org\0NOTIFY=NEVER\0'),
        go,
      ],
    },
  })
  const mail = await site([milter.spec])
  await sent(mail)
  assert.match((await mail.inbox('bob@example.org'))[0] ?? '', /^Return-Path: <other@far.net>\r\n/)
  assert.match((await mail.inbox('alice@example.org'))[0] ?? '', /Delivered-To: alice\+x@example.org\r\n/)
  assert.equal((await mail.inbox('alice@example.org')).length, 1)
  const none = await milterOf({ replies: { E: [milterFrame('-', '<alice@example.org>\0'), go] } })
  const empty = await site([none.spec])
  assert.equal(await sent(empty), '250 2.0.0 Ok: queued as ID')
  assert.deepEqual(await empty.inbox('alice@example.org'), [])
})

test('a second reply to one event is not the answer to the next, nor to the next message', async () => {
  for (const event of ['M', 'R', 'T', 'N']) {
    const milter = await milterOf({ replies: { [event]: [Buffer.concat([go, milterFrame('r')])] } })
    const mail = await site([milter.spec])
    assert.equal(await sent(mail), '451 4.7.1 Service unavailable - try again later', event)
    assert.match(logged(mail).join('\n'), /can't read reply: more replies than events/)
    assert.deepEqual(await mail.inbox('alice@example.org'), [])
  }
  const milter = await milterOf({ replies: { E: [Buffer.concat([go, milterFrame('r')])] } })
  const mail = await site([milter.spec])
  const session = await mail.session(stranger)
  const say = async () => (await mail.say(session, 'x@far.net', ['alice@example.org'], message)).at(-1)
  assert.equal(await say(), '250 2.0.0 Ok: queued as ID')
  assert.equal(await say(), '451 4.7.1 Service unavailable - try again later')
})
