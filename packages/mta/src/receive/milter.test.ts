/** Milters in the life of a message: what they are told, several of them, and what their failures do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type MilterScript, milterFrame } from '../milter/testkit/scripted-milter-fixture.ts'
import { connection, mailFrom, rcptTo, replyText } from './mail-fixture.ts'
import {
  addHeader,
  changeHeader,
  go,
  impatient,
  logged,
  message,
  milterOf,
  one,
  sent,
  site,
  stored,
  stranger,
} from './milter-site-fixture.ts'
import { submit } from './submit.ts'

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
    replies: { B: one('s'), E: [addHeader('X', 'no space'), go] },
  })
  const third = await site([skips.spec])
  const long = `A: b\r\n\r\n${'x'.repeat(998)}\r\n`.padEnd(200_000, 'y')
  assert.equal(await sent(third, long), '250 2.0.0 Ok: queued as ID')
  assert.equal(skips.heard.filter((line) => line.startsWith('B')).length, 1)
  assert.ok(skips.heard.includes('LA| b|'))
  assert.deepEqual(await stored(third), [long.replace('\r\n\r\n', '\r\nX:no space\r\n\r\n')])
})

test('a large body goes in pieces of 65,535 octets and is stored octet for octet', async () => {
  const milter = await milterOf({ replies: { E: [addHeader('X', 'y'), go] } })
  const mail = await site([milter.spec])
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
  const first = await milterOf({
    replies: { E: [addHeader('X-One', '1'), milterFrame('b', 'other\r\n'), go] },
  })
  const second = await milterOf({ replies: { E: [addHeader('X-Two', '2'), go] } })
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
  const greedy = await milterOf({
    actions: 0x10,
    replies: { E: [changeHeader(1, 'Subject', 'x'), addHeader('X', 'y'), go] },
  })
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
  ['changes the header and breaks', { replies: { E: [addHeader('X', 'y'), Buffer.from([0, 0, 0, 0])] } }],
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
      const mail = await site([`{ ${milter.spec}, default_action=${action} }`], impatient)
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
  const mail = await site([`{ ${slow.spec}, command_timeout=1s, default_action=accept }`])
  assert.equal(await sent(mail), '250 2.0.0 Ok: queued as ID')
  const adds = await milterOf({ replies: { E: [addHeader('X-Spam', 'yes'), addHeader('X-Other', 'v'), go] } })
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
  const local = await milterOf({ replies: { E: [addHeader('X-Local', '1'), go] } })
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
