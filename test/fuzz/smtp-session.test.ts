import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RecordingHandler } from '../../packages/smtp/src/handler-fixture.ts'
import { defaultSmtpOptions } from '../../packages/smtp/src/options.ts'
import { Session } from '../../packages/smtp/src/session/session.ts'

/** Pieces of real dialogues and of attacks; a run is any of them in any order, bent at any octet. */
const pieces = [
  'EHLO c.test\r\n',
  'HELO x\r\n',
  'MAIL FROM:<a@b> SIZE=10 BODY=8BITMIME\r\n',
  'mail from: a@b\n',
  'RCPT TO:<x@local.test>\r\n',
  'RCPT TO:<"a>b"@local.test> NOTIFY=SUCCESS ORCPT=rfc822;x+2B\r\n',
  'DATA\r\n',
  'DATA\n',
  'Subject: x\r\n\r\nhello\r\n',
  '..\r\n.a\r\n',
  '\r\n.\r\n',
  '\n.\n',
  '\r.\r',
  '\n.\r\n',
  '\r\n.\r\r\n',
  'BDAT 5\r\n',
  'BDAT 7 LAST\r\n',
  'BDAT 99999999999999999999\r\n',
  'RSET\r\n',
  'NOOP\r\n',
  'AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n',
  'AUTH LOGIN\r\n',
  '*\r\n',
  'YWxpY2U=\r\n',
  'STARTTLS\r\n',
  'VRFY x\r\n',
  'QUIT\r\n',
  'GET / HTTP/1.1\r\n',
  '\0\xff\x80\r\n',
  `${'x'.repeat(3000)}\r\n`,
]

const envelope = 'MAIL FROM:<a@b>\r\nRCPT TO:<x@local.test>\r\nDATA\r\n'

const dialogue = fc
  .array(
    fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(...pieces) },
      { weight: 1, arbitrary: fc.string({ maxLength: 20 }) },
    ),
    {
      maxLength: 25,
    },
  )
  .chain((parts) =>
    fc.record({
      text: fc.constantFrom('', envelope).map((start) => start + parts.join('')),
      flips: fc.array(fc.record({ at: fc.nat(), to: fc.nat(255) }), { maxLength: 4 }),
    }),
  )
  .map(({ text, flips }) => {
    const bytes = Buffer.from(text, 'latin1')
    if (bytes.length > 0) for (const { at, to } of flips) bytes[at % bytes.length] = to
    return bytes
  })

const run = async (bytes: Buffer, cuts: readonly number[], trusted: boolean) => {
  const handler = new RecordingHandler()
  handler.trusted = trusted
  const faults: unknown[] = []
  let out = ''
  let ended = false
  const session = new Session(
    {
      id: '1',
      service: 'mx',
      clientAddress: '192.0.2.1',
      clientPort: 1,
      localAddress: '192.0.2.2',
      localPort: 25,
      clientName: 'unknown',
      helo: '',
      protocol: 'SMTP',
      tls: undefined,
      user: undefined,
      trusted,
    },
    {
      handler,
      options: {
        ...defaultSmtpOptions,
        hostname: 'mx.test',
        authOnlyWithTls: 'no',
        errorSleepMs: 0,
        forbidPipelining: 'no',
      },
      tlsAvailable: false,
      closing: false,
      now: () => 0,
      schedule: () => undefined,
      cancel: () => undefined,
      fault: (_session, error) => faults.push(error),
    },
    {
      write: (text) => {
        assert.ok(!ended, 'nothing is said after the end')
        out += text
      },
      startTls: () => undefined,
      acknowledge: () => undefined,
      end: () => {
        ended = true
      },
      resume: () => undefined,
    },
  )
  session.greet(handler.banner)
  let at = 0
  for (const cut of [...cuts, bytes.length]) {
    if (cut <= at) continue
    session.push(bytes.subarray(at, cut))
    at = cut
  }
  // As many turns as there may be answers.
  let before = -1
  while (before !== out.length + handler.mails.length) {
    before = out.length + handler.mails.length
    for (let i = 0; i < 30; i++) await Promise.resolve()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  session.lost()
  return { out, mails: handler.mails, faults, disconnects: handler.disconnects }
}

const runs = Number(process.env['FUZZ_RUNS'] ?? 300)

test('any input: well-formed replies, no fault, no line end but CR LF in what is taken', async () => {
  await fc.assert(
    fc.asyncProperty(dialogue, fc.boolean(), async (bytes, trusted) => {
      const { out, mails, faults, disconnects } = await run(bytes, [], trusted)
      assert.deepEqual(faults, [])
      assert.equal(disconnects.length, 1)
      for (const line of out.split('\r\n').slice(0, -1))
        assert.match(line, /^[2-5]\d\d[ -][^\x00-\x1f\x7f]*$/)
      assert.ok(out === '' || out.endsWith('\r\n'))
      for (const { text } of mails) assert.doesNotMatch(text, /\r(?!\n)|(?<!\r)\n/)
    }),
    { numRuns: runs },
  )
})

test('any split of the input: the same replies, the same messages', async () => {
  await fc.assert(
    fc.asyncProperty(dialogue, fc.array(fc.nat(2000), { maxLength: 30 }), async (bytes, cuts) => {
      const whole = await run(bytes, [], true)
      const split = await run(
        bytes,
        [...cuts].sort((a, b) => a - b),
        true,
      )
      const bytewise = await run(bytes, Array.from(bytes.keys()), true)
      for (const other of [split, bytewise]) {
        assert.equal(other.out, whole.out)
        assert.deepEqual(other.mails, whole.mails)
      }
    }),
    { numRuns: Math.ceil(runs / 3) },
  )
})
