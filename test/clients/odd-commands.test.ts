/** Numbers at their ends, nesting, floods, odd octets; two users beside each other. From outside, over the whole server. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import type { Uid } from '@posthorn/storage'
import { ImapTalk, SmtpTalk } from './dialogue.ts'
import { alice, bob, eventually, startForClients } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'
import { Wire } from './wire.ts'

let server: MailServer
before(async () => {
  server = await startForClients({
    smtpd_hard_error_limit: '3000',
    smtpd_soft_error_limit: '3000',
    smtpd_client_connection_count_limit: '0',
  })
  for (const user of [alice, bob]) {
    const talk = await ImapTalk.login(server.ports.imap, user)
    assert.match(await talk.say('CREATE Numbers'), /OK /)
    for (let n = 1; n <= 5; n++)
      assert.match(
        await talk.say(
          `APPEND Numbers {${`Subject: ${user.address} ${n}\r\n\r\nx`.length}+}\r\nSubject: ${user.address} ${n}\r\n\r\nx`,
        ),
        /OK /,
      )
    talk.wire.close()
  }
})
after(async () => await server.stop())

const numbersOf = (answer: string): number[] =>
  [...answer.matchAll(/^\* (\d+) FETCH/gm)].map(([, number]) => Number(number))

const ranges: readonly (readonly [
  set: string,
  sequence: readonly number[] | 'BAD',
  uid: readonly number[] | 'BAD',
])[] = [
  ['1:4294967295', 'BAD', [1, 2, 3, 4, 5]],
  ['4294967295', 'BAD', []],
  ['4294967295:*', 'BAD', [5]],
  ['4294967296', 'BAD', 'BAD'],
  ['99999999999999999999', 'BAD', 'BAD'],
  ['*:1', [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]],
  ['*', [5], [5]],
  ['*:*', [5], [5]],
  ['5:1', [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]],
  ['*:4294967295', 'BAD', [5]],
  ['6', 'BAD', []],
  ['1,6', 'BAD', [1]],
  ['1,1,1,2:1', [1, 2], [1, 2]],
  ['0', 'BAD', 'BAD'],
  ['0:*', 'BAD', 'BAD'],
  ['1:0', 'BAD', 'BAD'],
  ['01', 'BAD', 'BAD'],
  ['-1', 'BAD', 'BAD'],
  ['1:', 'BAD', 'BAD'],
  [':1', 'BAD', 'BAD'],
  ['1,', 'BAD', 'BAD'],
  ['1:2:3', 'BAD', 'BAD'],
  ['', 'BAD', 'BAD'],
]

test('RFC 9051 §9 sequence-set: the ends of the numbers', async () => {
  const talk = await ImapTalk.login(server.ports.imap, alice)
  await talk.say('SELECT Numbers')
  for (const [set, sequence, uid] of ranges) {
    for (const [command, expected] of [
      ['FETCH', sequence],
      ['UID FETCH', uid],
    ] as const) {
      const answer = await talk.say(`${command} ${set} (UID)`)
      if (expected === 'BAD') assert.match(answer, /(^|\n)BAD /, `${command} ${set}: ${answer}`)
      else assert.deepEqual(numbersOf(answer), expected, `${command} ${set}`)
    }
  }
  talk.wire.close()
})

test('RFC 9051 §9 sequence-set: an empty mailbox', async () => {
  const talk = await ImapTalk.login(server.ports.imap, alice)
  await talk.say('CREATE Empty')
  await talk.say('SELECT Empty')
  for (const set of ['1', '*', '1:*', '1:4294967295'])
    assert.deepEqual(numbersOf(await talk.say(`UID FETCH ${set} (FLAGS)`)), [], set)
  for (const command of [
    'UID STORE 1:* +FLAGS (\\Seen)',
    'UID COPY 1:* INBOX',
    'UID MOVE * INBOX',
    'UID SEARCH ALL',
    'EXPUNGE',
  ])
    assert.match(await talk.say(command), /(^|\n)OK /, command)
  talk.wire.close()
})

test('CVE-2026-27857 class: nesting without end is refused at once', async () => {
  const talk = await ImapTalk.login(server.ports.imap, alice)
  await talk.say('SELECT Numbers')
  const nested = (before: string, behind: string, times: number): string =>
    `${before.repeat(times)}ALL${behind.repeat(times)}`
  for (const command of [
    `SEARCH ${nested('(', ')', 20_000)}`,
    `SEARCH ${nested('NOT ', '', 15_000)}`,
    `SEARCH ${nested('OR ALL ', '', 8_000)}`,
    `SEARCH ${nested('OR (', ' ALL)', 7_000)}`,
    `SEARCH ${'('.repeat(60_000)}`,
    `FETCH 1 ${'('.repeat(60_000)}`,
    `FETCH 1 BODY[${'1.'.repeat(20_000)}1]`,
    `LIST ${'('.repeat(30_000)} "" *`,
    `STORE 1 FLAGS ${'('.repeat(60_000)}`,
    `ID ${'('.repeat(60_000)}`,
    `FETCH 1 BODY[HEADER.FIELDS (${'x '.repeat(20_000)})]`,
  ]) {
    const startedMs = performance.now()
    assert.match(await talk.say(command), /(^|\n)(BAD|NO|OK) /, command.slice(0, 30))
    assert.ok(performance.now() - startedMs < 10_000, command.slice(0, 30))
  }
  assert.match(await talk.say('SEARCH SUBJECT "alice@example.org 3"'), /\* SEARCH 3\r/)
  talk.wire.close()
})

test('CVE-2025-30189 class: two users at the same questions get their own answers', async () => {
  const talks = [
    await ImapTalk.login(server.ports.imap, alice),
    await ImapTalk.login(server.ports.imap, bob),
  ] as const
  const users = [alice, bob]
  for (let round = 0; round < 3; round++) {
    for (const [n, talk] of talks.entries()) {
      await talk.say('SELECT Numbers')
      const own = users[n]?.address ?? ''
      const other = users[1 - n]?.address ?? ''
      for (const command of [
        'FETCH 1:* (UID ENVELOPE BODY.PEEK[HEADER.FIELDS (SUBJECT)])',
        'UID FETCH 1:* (BODY.PEEK[])',
      ]) {
        const answer = await talk.say(command)
        assert.ok(answer.includes(`${own} 5`) && !answer.includes(other), answer)
      }
      assert.match(await talk.say(`SEARCH TEXT "${other}"`), /\* SEARCH\r/)
      assert.match(await talk.say(`SEARCH TEXT "${own}"`), /\* SEARCH 1 2 3 4 5\r/)
      assert.match(await talk.say('LIST "" *'), /Numbers/)
      assert.match(await talk.say(`STORE 1 +FLAGS (only-${n})`), /OK /)
      assert.ok(!(await talk.say('FETCH 1 FLAGS')).includes(`only-${1 - n}`))
      assert.match(await talk.say(`GETQUOTAROOT INBOX`), /OK /)
      assert.match(await talk.say(`STATUS "../${other}/INBOX" (MESSAGES)`), /NO /)
      assert.match(await talk.say(`SELECT "user/${other}"`), /NO /)
    }
  }
  // The same connection, another user: nothing of the first is left (RFC 8437).
  const [talk] = talks
  assert.match(await talk.say('UNAUTHENTICATE'), /OK /)
  assert.match(await talk.say('FETCH 1 FLAGS'), /BAD /)
  const quoted = bob.password.replaceAll(/["\\]/g, '\\$&')
  assert.match(await talk.say(`LOGIN ${bob.address} "${quoted}"`), /OK /)
  await talk.say('SELECT Numbers')
  assert.ok(!(await talk.say('FETCH 1:* ENVELOPE')).includes(alice.address))
  for (const each of talks) each.wire.close()
})

test('RFC 5321 §4.5.3.1.10: 1,000 recipients, then 452; after 1,000 refusals more they are errors', async () => {
  const talk = await SmtpTalk.open(server.ports.smtp)
  assert.match(await talk.say('MAIL FROM:<a@elsewhere.example>'), /^250 /)
  const startedMs = performance.now()
  let from = talk.wire.heard.length
  talk.wire.send(Array.from({ length: 1_000 }, (_, n) => `RCPT TO:<alice+${n}@example.org>\r\n`).join(''))
  const answers = async (count: number): Promise<string[]> => {
    const heard = await eventually(`${count} answers`, async () => {
      const lines = talk.wire.heard.slice(from).split('\r\n').slice(0, -1)
      return lines.length >= count ? lines : undefined
    })
    from = talk.wire.heard.length
    return heard
  }
  assert.ok((await answers(1_000)).every((line) => line === '250 2.1.5 Ok'))
  talk.wire.send('RCPT TO:<bob@example.org>\r\n'.repeat(1_000))
  assert.ok((await answers(1_000)).every((line) => /^452 4\.5\.3 /.test(line)))
  assert.ok(performance.now() - startedMs < 15_000)
  assert.match(await talk.say('DATA'), /^354 /)
  assert.match(await talk.say('Subject: to a thousand\r\n\r\nx\r\n.', 30_000), /^250 /)
  talk.wire.close()
  const copies = (await readMailbox(server.ports.imap, alice)).filter(({ source }) =>
    source.includes('to a thousand'),
  )
  assert.ok(copies.length >= 1, 'accepted and not delivered')
})

/** Octets that some program would change. */
const odd = Buffer.concat([
  Buffer.from(
    'From: a@b.example\r\nDate: never\r\nMessage-ID: <odd>\r\nSubject: odd octets \xff\xfe\x80\r\nX-Nul: a\0b\r\nX-Bad-UTF-8: \xc3\x28\xa0\r\nX-Controls: \x01\x08\x1b[2J\x7f\r\n',
    'latin1',
  ),
  Buffer.from('X-Long: ', 'latin1'),
  Buffer.alloc(5_000, 0x79),
  Buffer.from('\r\nX-Fold:\r\n\t\r\n \t folded\r\n\r\n', 'latin1'),
  Buffer.from(
    Array.from({ length: 256 }, (_, octet) => octet).filter((octet) => octet !== 10 && octet !== 13),
  ),
  Buffer.from('\r\n.\r\n..\r\n.x\r\n\r\n\0\0\0\r\nFrom here\r\n', 'latin1'),
  Buffer.alloc(3_000, 0xe4),
  Buffer.from('\r\nno line end at the end'),
])

const stuffed = (octets: Buffer): Buffer =>
  Buffer.from(octets.toString('latin1').replaceAll(/^\./gm, '..'), 'latin1')

test('CVE-2019-11500, CVE-2020-7046 class: NUL, 8-bit, bad UTF-8, long lines: octet for octet from SMTP and APPEND to the store', async () => {
  const smtp = await SmtpTalk.open(server.ports.smtp)
  assert.match(await smtp.message('a@elsewhere.example', bob.address, stuffed(odd)), /^250 /)
  smtp.wire.close()
  const delivered = await eventually('the message', async () =>
    (await readMailbox(server.ports.imap, bob)).find(({ source }) => source.includes('odd octets')),
  )
  // RFC 9051 §4.3: a NUL cannot be sent outside literal8; it is shown as 0x80 there, and kept in the store.
  const shown = Buffer.from(odd.map((octet) => (octet === 0 ? 0x80 : octet)))
  assert.ok(delivered.source.includes(shown), 'changed on the way from SMTP to IMAP')

  const talk = await ImapTalk.login(server.ports.imap, bob)
  await talk.say('SELECT INBOX')
  const account = await server.store.accounts.find(bob.address)
  const inbox = account && (await server.store.mailboxes.find(account.id, 'INBOX'))
  const kept = inbox && (await server.store.messages.read(inbox.id, delivered.uid as Uid))
  assert.ok(kept && Buffer.from(kept).includes(odd), 'changed on the way from SMTP to the store')
  const announced = Number(
    /RFC822\.SIZE (\d+)/.exec(await talk.say(`UID FETCH ${delivered.uid} RFC822.SIZE`))?.[1],
  )
  assert.equal(announced, delivered.source.length)

  assert.match(await talk.say('CREATE Octets'), /OK /)
  const withoutNul = Buffer.from(odd.filter((octet) => octet !== 0))
  assert.match(
    await talk.say(`APPEND Octets {${withoutNul.length}+}\r\n${withoutNul.toString('latin1')}`),
    /OK \[APPENDUID/,
  )
  const [copy] = await readMailbox(server.ports.imap, bob, 'Octets')
  assert.deepEqual(copy?.source, withoutNul)
  for (const command of [
    'FETCH 1 (ENVELOPE BODYSTRUCTURE FLAGS INTERNALDATE)',
    'SEARCH SUBJECT odd',
    'SEARCH BODY "From here"',
    'SORT (SUBJECT) UTF-8 ALL',
  ])
    assert.match(await talk.say(command), /(^|\n)(OK|BAD) /, command)
  talk.wire.close()

  const pop3 = await Wire.open(server.ports.pop3)
  pop3.send(`USER ${bob.address}\r\nPASS ${bob.password}\r\nRETR 1\r\nQUIT\r\n`)
  assert.ok(
    (await pop3.untilClosed()).includes(stuffed(shown).toString('latin1')),
    'changed on the way to POP3',
  )
})

test('RFC 854: a script piped through telnet ends its lines with CR NUL CR LF, and is understood', async () => {
  const rows: readonly [port: number, typed: string, wanted: RegExp][] = [
    [server.ports.smtp, 'HELO me', /250 mail\.example\.org\r\n/],
    [server.ports.pop3, `USER ${alice.address}`, /\+OK[^\n]*\r\n\+OK\r\n/],
    [server.ports.imap, `a LOGIN ${alice.address} "${alice.password}"`, /a OK /],
  ]
  for (const [port, typed, wanted] of rows) {
    const wire = await Wire.open(port)
    await wire.hears(/^(220 |\+OK|\* OK)[^\n]*\n/)
    wire.send(`${typed}\r\0\r\n`)
    await wire.hears(wanted)
    wire.close()
  }
})
