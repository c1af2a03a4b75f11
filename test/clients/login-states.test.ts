/** CVE-2019-11494, CVE-2025-59028, CVE-2011-1720 class: a login has one end for each thing a client may send. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { ImapTalk, SmtpTalk } from './dialogue.ts'
import { alice, bob, startForClients } from './mail-server.ts'
import { Wire } from './wire.ts'

let server: MailServer
before(async () => {
  server = await startForClients({
    mynetworks: '127.0.0.0/8',
    smtpd_sasl_auth_enable: 'yes',
    smtpd_hard_error_limit: '1000',
    smtpd_soft_error_limit: '1000',
    reading_client_connection_limit: '0',
  })
})
after(async () => await server.stop())

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const right = base64(`\0${alice.address}\0${alice.password}`)

interface Speaker {
  readonly name: string
  readonly open: () => Promise<Wire>
  readonly start: (mechanism: string, initial?: string) => string
  readonly challenge: RegExp
  readonly refused: RegExp
  readonly taken: RegExp
  /** A command that works without login, and its answer. */
  readonly alive: readonly [string, RegExp]
}

const greeted = async (port: number, hello = ''): Promise<Wire> => {
  const wire = await Wire.open(port)
  await wire.hears(/^(220 |\+OK|\* OK).*\r\n/)
  wire.heard = ''
  if (hello !== '') {
    wire.send(hello)
    await wire.hears(/250 .*\r\n$/)
    wire.heard = ''
  }
  return wire
}

const speakers: readonly Speaker[] = [
  {
    name: 'SMTP',
    open: () => greeted(server.ports.submission, 'EHLO x\r\n'),
    start: (mechanism, initial) => `AUTH ${mechanism}${initial === undefined ? '' : ` ${initial}`}\r\n`,
    challenge: /334 .*\r\n$/,
    refused: /5\d\d .*\r\n$/,
    taken: /235 .*\r\n$/,
    alive: ['NOOP\r\n', /250 .*\r\n$/],
  },
  {
    name: 'POP3',
    open: () => greeted(server.ports.pop3),
    start: (mechanism, initial) => `AUTH ${mechanism}${initial === undefined ? '' : ` ${initial}`}\r\n`,
    challenge: /\+ .*\r\n$/,
    refused: /-ERR.*\r\n$/,
    taken: /\+OK Logged in.*\r\n$/,
    alive: ['CAPA\r\n', /\r\n\.\r\n$/],
  },
  {
    name: 'IMAP',
    open: () => greeted(server.ports.imap),
    start: (mechanism, initial) =>
      `a AUTHENTICATE ${mechanism}${initial === undefined ? '' : ` ${initial}`}\r\n`,
    challenge: /\+ .*\r\n$/,
    refused: /a (NO|BAD) .*\r\n$/,
    taken: /a OK .*\r\n$/,
    alive: ['b NOOP\r\n', /b OK .*\r\n$/],
  },
]

/** What is said behind the challenge: each ends the exchange, not the session. */
const endings: readonly (readonly [why: string, mechanism: string, ...lines: string[]])[] = [
  ['cancelled', 'PLAIN', '*'],
  ['cancelled at the second step', 'LOGIN', base64(alice.address), '*'],
  ['bad base64', 'PLAIN', '!!!!'],
  ['base64 with a blank', 'PLAIN', `${right.slice(0, 8)} ${right.slice(8)}`],
  ['base64 without its end', 'PLAIN', 'AGFsaWNl AA'],
  ['base64 of nothing', 'PLAIN', ''],
  ['no NULs', 'PLAIN', base64('alice')],
  ['too many NULs', 'PLAIN', base64(`\0${alice.address}\0${alice.password}\0`)],
  ['a user without a name', 'PLAIN', base64('\0\0x')],
  ['an empty password', 'PLAIN', base64(`\0${alice.address}\0`)],
  ['another identity', 'PLAIN', base64(`${bob.address}\0${alice.address}\0${alice.password}`)],
  ['bad UTF-8', 'PLAIN', Buffer.from(`\0alice@example.org\0\xff\xfe`, 'latin1').toString('base64')],
  ['10,000 octets of password', 'PLAIN', base64(`\0${alice.address}\0${'x'.repeat(8_000)}`)],
  ['LOGIN, empty', 'LOGIN', '', ''],
  ['LOGIN, NUL in the name', 'LOGIN', base64(`${alice.address}\0`), base64(alice.password)],
  ['LOGIN, bad base64 in the password', 'LOGIN', base64(alice.address), '\x01\x02'],
]

for (const speaker of speakers) {
  const { name, open, start, challenge, refused, taken, alive } = speaker

  test(`${name}: each wrong end of an exchange is refused, and the session can still log in`, async () => {
    const wire = await open()
    for (const [why, mechanism, ...lines] of endings) {
      wire.heard = ''
      wire.send(start(mechanism))
      await wire.hears(challenge)
      for (const [n, line] of lines.entries()) {
        wire.heard = ''
        wire.send(`${line}\r\n`)
        const heard = await wire.hears(n === lines.length - 1 ? refused : /\r\n$/, 30_000)
        assert.doesNotMatch(heard, taken, why)
        if (refused.test(heard)) break
      }
      wire.heard = ''
      wire.send(alive[0])
      await wire.hears(alive[1])
    }
    wire.heard = ''
    wire.send(start('PLAIN', right))
    await wire.hears(taken)
    wire.heard = ''
    wire.send(start('PLAIN', right))
    await wire.hears(refused)
    wire.close()
  })

  test(`${name}: an unknown mechanism, a missing one, and an endless response`, async () => {
    const wire = await open()
    for (const mechanism of ['', 'X', 'CRAM-MD5', 'GSSAPI', 'ANONYMOUS', 'PLAIN\0', 'x'.repeat(500)]) {
      // RFC 5034 §4: AUTH alone lists the mechanisms.
      if (name === 'POP3' && mechanism === '') continue
      wire.heard = ''
      wire.send(start(mechanism))
      await wire.hears(refused)
    }
    wire.close()
    const before = process.memoryUsage().rss
    const endless = await open()
    endless.send(start('PLAIN'))
    await endless.hears(challenge)
    endless.heard = ''
    for (let n = 0; n < 32 && !endless.closed; n++) {
      endless.send(Buffer.alloc(1 << 20, 0x41))
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    assert.ok(process.memoryUsage().rss - before < 150 << 20, 'memory grew with the response')
    endless.close()
    const next = await open()
    next.send(start('PLAIN', right))
    await next.hears(taken)
    next.close()
  })

  test(`${name}: clients that go away at each step of a login harm nobody`, async () => {
    for (const line of ['', '*', '!!', base64(alice.address), right.slice(0, 9)]) {
      for (const [n, mechanism] of ['PLAIN', 'LOGIN', 'LOGIN'].entries()) {
        const wire = await open()
        wire.send(start(mechanism))
        await wire.hears(challenge)
        wire.send(line === '' ? '' : `${line}${n === 2 ? '' : '\r\n'}`)
        wire.socket.resetAndDestroy()
      }
    }
    const wire = await open()
    wire.send(start('PLAIN', right))
    await wire.hears(taken)
    wire.close()
  })
}

test('CVE-2025-59028: while others send bad logins, a good one is answered', async () => {
  const bad = await Promise.all(
    Array.from({ length: 30 }, async (_, n) => {
      const speaker = speakers[n % 3] ?? assert.fail()
      const wire = await speaker.open()
      wire.send(speaker.start('PLAIN', n % 2 === 0 ? '!!!!' : base64(`\0nobody${n}@example.org\0x`)))
      return wire
    }),
  )
  const startedMs = performance.now()
  const talk = await ImapTalk.login(server.ports.imap, alice)
  assert.ok(performance.now() - startedMs < 20_000)
  talk.wire.close()
  for (const wire of bad) wire.close()
})

test('a login belongs to its connection: the next one on the port is a stranger', async () => {
  const one = await SmtpTalk.login(server.ports.submission, alice)
  const other = await SmtpTalk.open(server.ports.submission)
  assert.match(await other.say(`MAIL FROM:<${alice.address}>`), /^530 /)
  assert.match(await one.say(`MAIL FROM:<${alice.address}>`), /^250 /)
  one.wire.close()
  other.wire.close()
})
