import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  type MilterScript,
  milterFrame,
  number32,
  type ScriptedMilter,
  startMilter,
} from '../milter/testkit/scripted-milter-fixture.ts'
import { connection, mailFrom, openMailFixture, rcptTo, replyText } from './mail-fixture.ts'
import { submit } from './submit.ts'

/** Every reply of the milter protocol, on a whole receiving side. */
const cleanups: (() => Promise<void>)[] = []
after(async () => {
  for (const clean of cleanups.reverse()) await clean()
})

const stranger = { clientAddress: '198.51.100.5' }
const message = 'Subject: hi\r\nX-Old:  one\r\nX-Old: two\r\n\r\nbody\r\n.dot\r\n'

async function milterOf(script: MilterScript): Promise<ScriptedMilter> {
  const milter = await startMilter(script)
  cleanups.push(milter.close)
  return milter
}

async function site(smtpd: readonly string[], over: object = {}, files: Record<string, string> = {}) {
  const mail = await openMailFixture({
    milters: { smtpd, commandTimeoutMs: 400, contentTimeoutMs: 400, connectTimeoutMs: 400, ...over },
    files,
  })
  cleanups.push(mail.close)
  return mail
}

type Site = Awaited<ReturnType<typeof site>>

const sent = async (mail: Site, text = message, to = ['alice@example.org']) =>
  (await mail.say(await mail.session(stranger), 'x@far.net', to, text)).at(-1)

/** The message as it lies in the mailbox, below the trace fields. */
const stored = async (mail: Site, address = 'alice@example.org') =>
  (await mail.inbox(address)).map((text) =>
    text.slice(text.indexOf('12:00:00 +0000') + '12:00:00 +0000\r\n'.length),
  )

const logged = (mail: Site) => mail.lines().filter((line) => /milter/i.test(line))

test('events, their data and macros go out as Postfix sends them, and a message comes through untouched', async () => {
  const milter = await milterOf({})
  const mail = await site([milter.spec])
  assert.equal(
    await sent(mail, message, ['alice@example.org', 'bob@example.org']),
    '250 2.0.0 Ok: queued as ID',
  )
  assert.deepEqual(await stored(mail), [message])
  const id = /^Ti\|([0-9A-F]+)\|$/.exec(
    milter.heard.filter((line) => line.startsWith('DT'))[0]?.slice(1) ?? '',
  )?.[1]
  assert.deepEqual(
    milter.heard
      .slice(1)
      .filter((line) => line !== 'A')
      .map((line) => line.replaceAll(id ?? '?', 'ID')),
    [
      'DCj|mx.example.org|{daemon_name}|mx.example.org|{daemon_addr}|127.0.0.1|v|Posthorn|_|unknown [198.51.100.5]|',
      'Cunknown|4\xc3P198.51.100.5|',
      'DM{mail_addr}|x@far.net|{mail_host}|far.net|{mail_mailer}|smtp|',
      'M<x@far.net>|',
      'DR{rcpt_addr}|alice@example.org|{rcpt_host}|example.org|{rcpt_mailer}|local|',
      'R<alice@example.org>|',
      'DRi|ID|{rcpt_addr}|bob@example.org|{rcpt_host}|example.org|{rcpt_mailer}|local|',
      'R<bob@example.org>|',
      'DTi|ID|',
      'T',
      'DLi|ID|',
      'LSubject|hi|',
      'DLi|ID|',
      'LX-Old| one|',
      'DLi|ID|',
      'LX-Old|two|',
      'DNi|ID|',
      'N',
      'Bbody\r\n.dot\r\n',
      'DEi|ID|',
      'E',
    ],
  )
})

const code = (text: string) => [milterFrame('y', `${text}\0`)]
const one = (letter: string) => [milterFrame(letter)]

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

const h = (name: string, value: string) => milterFrame('h', `${name}\0${value}\0`)
const i = (index: number, name: string, value: string) =>
  milterFrame('i', Buffer.concat([number32(index), Buffer.from(`${name}\0${value}\0`)]))
const m = (index: number, name: string, value: string) =>
  milterFrame('m', Buffer.concat([number32(index), Buffer.from(`${name}\0${value}\0`)]))
const go = milterFrame('c')

/** Changes, and the message as it is stored below our Received. */
const edits: readonly (readonly [string, readonly Buffer[], string])[] = [
  ['addheader', [h('X-New', 'a\n\tb')], message.replace('\r\n\r\n', '\r\nX-New: a\r\n\tb\r\n\r\n')],
  [
    'addheader that would begin the body',
    [h('X-New', 'a\n\nevil\r\nX: y')],
    message.replace('\r\n\r\n', '\r\nX-New: a\r\n evil\r\n X: y\r\n\r\n'),
  ],
  [
    'insheader',
    [i(1, 'X-First', '1'), i(3, 'X-Third', '3')],
    `X-First: 1\r\n${message.replace('X-Old:  one', 'X-Third: 3\r\nX-Old:  one')}`,
  ],
  [
    'chgheader',
    [m(2, 'x-old', 'zwei'), m(1, 'Nowhere', 'new')],
    message.replace('X-Old: two', 'x-old: zwei\r\nNowhere: new'),
  ],
  ['chgheader takes away', [m(1, 'X-Old', '')], message.replace('X-Old:  one\r\n', '')],
  [
    'replbody',
    [milterFrame('b', 'new\r\nlines\n'), milterFrame('b', 'end\r'), milterFrame('b', '\n')],
    `${message.slice(0, message.indexOf('\r\n\r\n'))}\r\n\r\nnew\r\nlines\r\nend\r\n`,
  ],
  [
    'progress first',
    [milterFrame('p'), milterFrame('p'), h('X', 'y')],
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
  const milter = await milterOf({ replies: { E: [i(0, 'X-Top', '1'), go] } })
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

test('steps: unwanted events are not sent, unanswered ones not waited for, skip ends the body, leading space', async () => {
  const quiet = await milterOf({ steps: 0x7f | 0x100 | 0x200 })
  const mail = await site([quiet.spec])
  assert.equal(await sent(mail), '250 2.0.0 Ok: queued as ID')
  assert.deepEqual(
    quiet.heard.filter((line) => /^[^DA]/.test(line)).map((line) => line[0]),
    ['O', 'E'],
  )
  const mute = await milterOf({
    steps: 0x80 | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x40000 | 0x80000,
    silentAt: 'CHMRTLNB',
  })
  assert.equal(await sent(await site([mute.spec])), '250 2.0.0 Ok: queued as ID')
  assert.ok(mute.heard.includes('Bbody\r\n.dot\r\n'))
  const skips = await milterOf({
    steps: 0x400 | 0x100000,
    replies: { B: one('s'), E: [h('X', 'no space'), go] },
  })
  const third = await site([skips.spec])
  const long = `A: b\r\n\r\n${'x'.repeat(998)}\r\n`.padEnd(200_000, 'y')
  assert.equal(await sent(third, long), '250 2.0.0 Ok: queued as ID')
  assert.equal(skips.heard.filter((line) => line.startsWith('B')).length, 1)
  assert.ok(skips.heard.includes('LA| b|'))
  assert.deepEqual(await stored(third), [long.replace('\r\n\r\n', '\r\nX:no space\r\n\r\n')])
})

test('a large body goes in pieces of 65,535 octets and is stored octet for octet', async () => {
  const milter = await milterOf({ replies: { E: [h('X', 'y'), go] } })
  const mail = await site([milter.spec], { contentTimeoutMs: 10_000 })
  let body = ''
  for (let line = 0; body.length < 3_000_000; line++) body += `line ${line} \x80\xff\r\n`
  const session = await mail.session(stranger)
  const { transaction } = await mail.handler.mail(session, mailFrom('x@far.net'))
  await transaction?.rcpt(rcptTo('alice@example.org'))
  await transaction?.data()
  const octets = Buffer.from(`A: b\r\n\r\n${body}`, 'latin1')
  for (let at = 0; at < octets.length; at += 10_007)
    await transaction?.write(octets.subarray(at, at + 10_007))
  await transaction?.end()
  const pieces = milter.heard.filter((line) => line.startsWith('B')).map((line) => line.slice(1))
  assert.ok(pieces.slice(0, -1).every((piece) => piece.length === 65_535))
  assert.equal(pieces.join(''), body)
  assert.deepEqual(await stored(mail), [`A: b\r\nX: y\r\n\r\n${body}`])
})

test('rejected recipients reach who asked for them (SMFIP_RCPT_REJ)', async () => {
  const curious = await milterOf({ steps: 0x800 })
  const other = await milterOf({})
  const mail = await site([curious.spec, other.spec])
  await mail.say(await mail.session(stranger), 'x@far.net', ['nobody@example.org'])
  assert.ok(curious.heard.includes('R<nobody@example.org>|'))
  assert.ok(
    curious.heard.includes(
      'DR{rcpt_addr}|<nobody@example.org>: Recipient address rejected: User unknown in local recipient table|{rcpt_host}|5.1.1|{rcpt_mailer}|error|',
    ),
  )
  assert.ok(!other.heard.some((line) => line.startsWith('R')))
})

test('several in order: the second sees what the first changed; a refusal ends the row', async () => {
  const first = await milterOf({ replies: { E: [h('X-One', '1'), milterFrame('b', 'other\r\n'), go] } })
  const second = await milterOf({ replies: { E: [h('X-Two', '2'), go] } })
  const mail = await site([first.spec, second.spec])
  await sent(mail)
  assert.ok(second.heard.includes('LX-One|1|'))
  assert.ok(second.heard.includes('Bother\r\n'))
  const [text = ''] = await stored(mail)
  assert.match(text, /X-One: 1\r\nX-Two: 2\r\n\r\nother\r\n$/)
  const no = await milterOf({ replies: { E: one('r') } })
  const after = await milterOf({})
  await sent(await site([no.spec, after.spec]))
  assert.ok(!after.heard.some((line) => line.startsWith('E')))
})

test('changes that were not agreed on, and half of them before a break, change nothing', async () => {
  const greedy = await milterOf({ actions: 0x10, replies: { E: [m(1, 'Subject', 'x'), h('X', 'y'), go] } })
  const mail = await site([greedy.spec], { defaultAction: 'accept' })
  assert.equal(await sent(mail), '250 2.0.0 Ok: queued as ID')
  assert.deepEqual(await stored(mail), [message])
  assert.match(logged(mail).join('\n'), /asks for add-header, which it had not agreed on/)
})

const failures: readonly (readonly [string, MilterScript | 'dead'])[] = [
  ['is not there', 'dead'],
  ['hangs up at CONNECT', { dropsAt: 'C' }],
  ['hangs up in the message', { dropsAt: 'B' }],
  ['hangs up at the end', { dropsAt: 'E' }],
  ['says nothing to the negotiation', { dropsAt: '', negotiation: Buffer.alloc(0) }],
  ['says nothing to MAIL', { silentAt: 'M' }],
  ['says nothing at the end', { silentAt: 'E' }],
  ['speaks HTTP', { negotiation: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') }],
  ['says half a frame and no more', { replies: { E: [milterFrame('h', 'X\0y\0').subarray(0, 6)] } }],
  ['changes the header and breaks', { replies: { E: [h('X', 'y'), Buffer.from([0, 0, 0, 0])] } }],
]
const actions = {
  accept: '250 2.0.0 Ok: queued as ID',
  reject: '550 5.5.0 Service unavailable',
  tempfail: '451 4.7.1 Service unavailable - try again later',
  quarantine: '250 2.0.0 Ok: queued as ID',
  shutdown: '421 4.7.0 Server closing connection',
} as const

for (const [what, script] of failures) {
  test(`a filter that ${what} obeys the default action, in time`, async () => {
    const milter = await milterOf(script === 'dead' ? {} : script)
    if (script === 'dead') await milter.close()
    for (const [action, expected] of Object.entries(actions)) {
      const mail = await site([`{ ${milter.spec}, default_action=${action} }`])
      const startMs = performance.now()
      const { session, reply } = await connection(mail.handler, stranger)
      const last =
        reply.code === 220
          ? (await mail.say(session, 'x@far.net', ['alice@example.org'], message)).at(-1)
          : replyText(reply)
      const told = last?.replace(/^421 mx.*$/, actions.shutdown).replace(/^554 mx.*$/, actions.reject)
      assert.equal(told, expected, action)
      assert.ok(performance.now() - startMs < 5_000)
      const held = await mail.store.queue.count()
      assert.equal(held, action === 'quarantine' ? 1 : 0)
      assert.deepEqual(await stored(mail), action === 'accept' ? [message] : [])
      assert.match(mail.lines().join('\n'), /milter|Milter service/)
    }
  })
}

test('settings of one filter; smtpd_milter_maps; milter_header_checks; the sendmail command', async () => {
  const slow = await milterOf({ silentAt: 'M' })
  const mail = await site([`{ ${slow.spec}, command_timeout=1s, default_action=accept }`], {
    commandTimeoutMs: 60_000,
  })
  assert.equal(await sent(mail), '250 2.0.0 Ok: queued as ID')
  const adds = await milterOf({ replies: { E: [h('X-Spam', 'yes'), h('X-Other', 'v'), go] } })
  const checked = await site(
    [adds.spec],
    { headerChecks: ['regexp:$FOLDER/checks'] },
    { checks: '/^X-Spam: yes/ REPLACE X-Junk: 1\n' },
  )
  assert.equal(await sent(checked), '250 2.0.0 Ok: queued as ID')
  assert.match((await stored(checked))[0] ?? '', /X-Old: two\r\nX-Junk: 1\r\nX-Other: v\r\n\r\n/)
  assert.match(logged(checked).join('\n'), /ID: milter-header-replace: header X-Spam: yes from unknown/)
  const no = await milterOf({ replies: { M: one('r') } })
  const mapped = await site([no.spec], { maps: ['inline:{ 198.51.100.5=DISABLE }'] })
  assert.equal(await sent(mapped), '250 2.0.0 Ok: queued as ID')
  const instead = await site([], { maps: [`inline:{ {198.51.100.5 = ${no.spec}} }`] })
  assert.equal(await sent(instead), '550 5.7.1 Command rejected')
  const local = await milterOf({ replies: { E: [h('X-Local', '1'), go] } })
  const pickup = await site([local.spec])
  const { store, configuration, clock } = pickup
  const answer = await submit(
    {
      sender: 'alice',
      recipients: [{ address: 'bob' }],
      content: [Buffer.from('Subject: s\n\nhi\n')],
      userid: 1,
    },
    {
      store,
      log: (event) => void pickup.events.push(event),
      now: () => clock.ms,
      configuration: () => configuration,
    },
  )
  assert.equal(answer.code, 250)
  assert.match((await pickup.inbox('bob@example.org'))[0] ?? '', /X-Local: 1\r\n\r\nhi\r\n$/)
  assert.ok(local.heard.includes('M<alice@example.org>|'))
})
