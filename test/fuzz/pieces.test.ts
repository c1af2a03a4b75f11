/** The same dialogue in random pieces. Properties: the answers are those of the dialogue in one piece, and none is kept waiting. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { TlsCredentials } from '@posthorn/net'
import { startImapFixture } from '../../packages/imap/src/testkit/imap-fixture.ts'
import { startPop3Fixture } from '../../packages/pop3/src/testkit/pop3-fixture.ts'
import { makeCertificate } from '../../packages/smtp/src/client/certificate-fixture.ts'
import type { SmtpOptions, SmtpSession } from '../../packages/smtp/src/index.ts'
import { serve } from '../../packages/smtp/src/service-fixture.ts'
import { converse, type Random, randomOf, type Step } from './piecewise.ts'

const rounds = Math.ceil(Number(process.env.FUZZ_RUNS ?? 2000) / 100)
const firstSeed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000)
const stallMs = Number(process.env.FUZZ_STALL_MS ?? 10_000)

const credentials = new TlsCredentials(makeCertificate({ name: 'localhost', kind: 'server' }))
const octets = (text: string): Buffer => Buffer.from(text, 'latin1')
const say = (...lines: readonly string[]): Step => ({
  say: octets(lines.map((line) => `${line}\r\n`).join('')),
})
const base64 = (text: string): string => octets(text).toString('base64')
const oneOf = <T>(random: Random, ...choices: readonly T[]): T => choices[random(choices.length)] as T
const times = (n: number, make: (i: number) => string): string[] =>
  Array.from({ length: n }, (_, i) => make(i))

function text(random: Random, most: number): string {
  const lines: string[] = [`Subject: ${random(1_000_000)}`, '']
  for (let left = random(most); left > 0; ) {
    const line = oneOf(random, '', '.', '..', '.\r.', 'x'.repeat(random(900)), `a${random(1_000_000)}`)
    lines.push(line)
    left -= line.length + 2
  }
  return `${lines.join('\r\n')}\r\n`
}

interface Protocol {
  /** @param user his own in each conversation */
  readonly script: (random: Random, user: string) => readonly Step[]
  readonly port: number
  readonly prepare?: (user: string) => Promise<void>
  /** Without what differs between two that said the same. */
  readonly shown: (heard: string, user: string) => string
}

async function play(protocol: Protocol, seed: number): Promise<void> {
  const [whole, cut] = [`w${seed}`, `c${seed}`]
  const { script, port, prepare, shown } = protocol
  await prepare?.(whole)
  await prepare?.(cut)
  const steps = script(randomOf(seed), whole)
  const expected = await converse(port, steps, { random: undefined, stallMs })
  const heard = await converse(port, script(randomOf(seed), cut), { random: randomOf(seed + 1), stallMs })
  const [a, b] = [shown(expected, whole), shown(heard, cut)]
  if (a === b) return
  let at = 0
  while (a[at] === b[at]) at++
  const near = (all: string): string => JSON.stringify(all.slice(Math.max(0, at - 200), at + 200))
  assert.fail(`at ${at}:\nwhole ${near(a)}\ncut   ${near(b)}`)
}

async function playAll(t: TestContext, protocol: Protocol, atOnce = 4): Promise<void> {
  for (let round = 0; round < rounds; round += atOnce) {
    const seeds = Array.from({ length: atOnce }, (_, i) => firstSeed + round + i)
    await Promise.all(
      seeds.map((seed) =>
        play(protocol, seed).catch((error) => {
          throw new Error(`FUZZ_SEED=${seed}: ${error.message}`, { cause: error })
        }),
      ),
    )
  }
  t.diagnostic(`seeds from ${firstSeed}`)
}

// IMAP.

function imapScript(random: Random, user: string): Step[] {
  let count = 0
  const tagged = (command: string): string => `t${++count} ${command}`
  const literal = (body: string): string => `{${body.length}${oneOf(random, '+', '+', '')}}\r\n${body}`
  const body = (): string => literal(text(random, oneOf(random, 50, 3_000, 300_000)))
  const steps: Step[] = []
  const isSecure = random(2) === 0
  if (isSecure) steps.push({ ...say('s STARTTLS'), hears: /s OK .*\r\n/, begins: 'tls' })
  const secret = base64(`\0${user}\0secret`)
  steps.push(
    oneOf(
      random,
      say(`l LOGIN ${user} secret`),
      say(`l LOGIN {${user.length}}`, `${user} {6+}`, 'secret'),
      say('l AUTHENTICATE PLAIN', secret),
      say(`l AUTHENTICATE PLAIN ${secret}`),
    ),
  )
  const commands: (() => string)[] = [
    () => tagged('NOOP'),
    () => tagged(`APPEND Box ${body()}`),
    () => tagged(`APPEND Box (\\Seen) ${body()} ${body()}`),
    () => tagged(`APPEND Nowhere ${literal('a'.repeat(random(5_000)))}`),
    () => tagged(`STORE 1:* +FLAGS${oneOf(random, '', '.SILENT')} (kw${random(3)})`),
    () => tagged('COPY 1:* Box'),
    () => tagged('FETCH 1:* (FLAGS BODY.PEEK[] ENVELOPE)'),
    () => tagged('UID FETCH 1:* (BODY.PEEK[]<3.40>)'),
    () => tagged('STATUS Box (MESSAGES SIZE)'),
    () => tagged('SEARCH TEXT a1'),
    () => tagged('LIST "" *'),
    () => tagged(`BAD ${random(100)}`),
    () => tagged('ID ("name" {3}\r\nabc)'),
    () => `${tagged('IDLE')}\r\n${oneOf(random, 'DONE', 'DONE', 'nonsense')}`,
    () => times(1 + random(9_000), () => tagged('NOOP')).join('\r\n'),
    () => tagged(`NOOP ${'x'.repeat(random(100_000))}`),
  ]
  const some = (): string[] => times(random(15), () => oneOf(random, ...commands)())
  steps.push(say(tagged('CREATE Box'), tagged(`APPEND INBOX ${body()}`), tagged('SELECT INBOX'), ...some()))
  if (random(2) === 0) {
    const tag = tagged('COMPRESS DEFLATE')
    const hears = new RegExp(`(^|\\n)${tag.split(' ')[0]} OK .*\\r\\n`)
    steps.push({ ...say(tag), hears, begins: 'deflate' }, say(...some()))
  }
  steps.push(say(tagged('SELECT Box'), tagged('FETCH 1:* (BODY.PEEK[])'), tagged('LOGOUT')))
  return steps
}

test('IMAP', async (t) => {
  const imap = await startImapFixture(t, { credentials, maxUserIpConnections: 0 })
  await playAll(t, {
    port: imap.port,
    script: imapScript,
    prepare: async (name) => {
      await imap.store.accounts.create({
        address: `${name}@example.org`,
        passwordHash: '',
        enabled: true,
        quotaBytes: 0,
        home: '',
      })
    },
    shown: (heard) =>
      heard
        .replaceAll(/(UIDVALIDITY|APPENDUID|COPYUID|MAILBOXID|HIGHESTMODSEQ) \(?\w+/g, '$1')
        // When a batch ends, and a chunk of news with it, is not said anywhere.
        .replaceAll(/^\* \d+ (?:EXISTS|RECENT)\r\n/gm, ''),
  })
})

// POP3.

function pop3Script(random: Random): Step[] {
  const steps: Step[] = []
  if (random(2) === 0) steps.push({ ...say('STLS'), hears: /Begin TLS.*\r\n/, begins: 'tls' })
  const secret = base64('\0alice\0secret')
  steps.push(
    oneOf(
      random,
      say('USER alice', 'PASS secret'),
      say('CAPA', 'UTF8', 'USER alice', 'PASS secret'),
      say('AUTH PLAIN', secret),
      say(`AUTH PLAIN ${secret}`),
      say('AUTH LOGIN', base64('alice'), base64('secret')),
    ),
  )
  const commands: (() => string)[] = [
    () => 'STAT',
    () => 'LIST',
    () => 'UIDL',
    () => `RETR ${1 + random(8)}`,
    () => `TOP ${1 + random(8)} ${random(20)}`,
    () => `DELE ${1 + random(7)}`,
    () => 'RSET',
    () => `NOOP ${'x'.repeat(random(20_000))}`,
    () => times(1 + random(20_000), () => 'NOOP').join('\r\n'),
    () => times(1 + random(5_000), () => 'LIST 1').join('\r\n'),
    () => times(1 + random(500), (i) => `RETR ${1 + (i % 7)}`).join('\r\n'),
  ]
  steps.push(say(...times(random(20), () => oneOf(random, ...commands)()), 'RSET', 'QUIT'))
  return steps
}

test('POP3', async (t) => {
  const random = randomOf(7)
  const messages = times(7, (i) => text(random, i === 6 ? 400_000 : 4_000))
  const pop3 = await startPop3Fixture(t, messages, undefined, {
    options: () => ({ tls: credentials, badCommandLimit: 1_000 }),
  })
  const { remotePort: port } = (await pop3.connect()).socket
  assert.ok(port !== undefined)
  await playAll(t, { port, script: pop3Script, shown: (heard) => heard }, 1)
})

// SMTP and LMTP.

const smtpScript =
  (who: 'client' | 'LMTP client' | 'proxy' | 'stranger') =>
  (random: Random, user: string): Step[] => {
    const hello = who === 'LMTP client' ? 'LHLO c.test' : 'EHLO c.test'
    const isPaused = who === 'proxy' || who === 'stranger'
    // Where each costs a pause they are fewer.
    const many = (most: number): number => random(isPaused ? most / 50 : most)
    const steps: Step[] = []
    if (who === 'proxy') steps.push(say('PROXY TCP4 192.0.2.1 192.0.2.2 4025 25'))
    const greeted = { ...say(hello), hears: /^250 .*\r\n/m }
    if (random(2) === 0)
      steps.push(greeted, { ...say('STARTTLS'), hears: /220 2.*\r\n/, begins: 'tls' }, say(hello))
    else steps.push(say(hello))
    const dotted = (body: string): string => body.replaceAll(/^\./gm, '..')
    const content = (): string => text(random, oneOf(random, 50, 3_000, 300_000))
    const auth = (): string =>
      oneOf(
        random,
        `AUTH PLAIN ${base64('\0alice\0secret')}`,
        `AUTH PLAIN\r\n${base64('\0alice\0secret')}`,
        `AUTH LOGIN\r\n${base64('alice')}\r\n${base64('secret')}`,
      )
    const envelope = (): string[] => [
      `MAIL FROM:<${user}@x.test>`,
      // Each that is refused costs a pause.
      ...times(!isPaused && random(4) === 0 ? random(4_000) : random(5), (i) => `RCPT TO:<u${i}@local.test>`),
      'RCPT TO:<last@local.test>',
    ]
    const chunk = (last: '' | ' LAST'): string => {
      const body = content()
      return `BDAT ${body.length}${last}\r\n${body}`
    }
    const commands: (() => string)[] = [
      () => 'RSET',
      () => [...envelope(), 'DATA', `${dotted(content())}.`].join('\r\n'),
      () => [...envelope(), `${chunk('')}${chunk('')}${chunk(' LAST')}RSET`].join('\r\n'),
      () => 'VRFY x',
      () => times(1 + many(9_000), () => 'RSET').join('\r\n'),
      () => 'MAIL FROM:<refused@x.test>',
    ]
    if (who === 'proxy')
      commands.push(
        () => `XCLIENT ADDR=192.0.2.${random(256)}\r\n${hello}`,
        () => times(1 + random(20), () => 'NONSENSE').join('\r\n'),
      )
    if (random(2) === 0) steps.push(say(auth()))
    steps.push(say(...times(random(8), () => oneOf(random, ...commands)()), 'QUIT'))
    return steps
  }

async function playSmtp(
  t: TestContext,
  who: Parameters<typeof smtpScript>[0],
  options: Partial<SmtpOptions> = {},
): Promise<void> {
  const { port, handler } = await serve(t, {
    listen: { service: who === 'LMTP client' ? 'lmtp' : 'mx' },
    options: { junkCommandLimit: 100_000, recipientLimit: 100_000, authOnlyWithTls: 'no', ...options },
    trusted: who !== 'proxy' && who !== 'stranger',
  })
  if (who === 'stranger') handler.banner = { ...handler.banner, greetWaitMs: 20, onPregreet: 'go-on' }
  const slow = randomOf(3)
  handler.slow = () => (slow(20) > 0 ? undefined : new Promise((resolve) => setTimeout(resolve, slow(3))))
  if (who === 'proxy') {
    const connect = handler.connect.bind(handler)
    t.mock.method(handler, 'connect', (session: SmtpSession) => {
      session.xclient = 'offered'
      return connect(session)
    })
  }
  const mailsOf = (user: string): string[] =>
    handler.mails.filter(({ from }) => from.address === `${user}@x.test`).map((mail) => mail.text)
  await playAll(t, {
    port,
    script: smtpScript(who),
    shown: (heard, user) => heard + mailsOf(user).join(),
  })
}

test('SMTP', (t) => playSmtp(t, 'client'))

test('LMTP', (t) => playSmtp(t, 'LMTP client'))

test('SMTP behind a PROXY header, with XCLIENT, and slowed down after errors', (t) =>
  playSmtp(t, 'proxy', {
    proxyProtocolFrom: ['127.0.0.1'],
    greetWaitMs: 0,
    forbidPipelining: 'no',
    softErrorLimit: 3,
    hardErrorLimit: 100_000,
    errorSleepMs: 3,
  }))

test('SMTP of a stranger who does not wait for the greeting', (t) =>
  playSmtp(t, 'stranger', {
    forbidPipelining: 'no',
    softErrorLimit: 3,
    hardErrorLimit: 100_000,
    errorSleepMs: 3,
  }))
