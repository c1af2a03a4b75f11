import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rewriteAddressField } from '../rewriting/address-field.ts'
import { HeaderGate } from './header-gate.ts'
import { createLineEnds } from './line-ends.ts'
import { openMailFixture } from './mail-fixture.ts'
import { submit } from './submit.ts'

const messages: readonly [string, string, string][] = [
  ['usual', 'A: b\r\nC: d\r\n e\r\n\r\nbody\r\n', 'A: b\r\nC: d\r\n e\r\n|\r\nbody\r\n'],
  ['header alone', 'A: b\r\n', 'A: b\r\n|\r\n'],
  ['no header', '\r\nbody\r\n', '|\r\nbody\r\n'],
  ['nothing', '', '|\r\n'],
  ['text at once', 'Hello there\r\nA: b\r\n', '|\r\nHello there\r\nA: b\r\n'],
  ['text after fields', 'A: b\r\nHello there\r\n', 'A: b\r\n|\r\nHello there\r\n'],
  ['continuation first', ' x: y\r\n\r\n', '|\r\n x: y\r\n\r\n'],
  ['blanks before the colon', 'A : b\r\n\r\nx', 'A : b\r\n|\r\nx'],
  ['octets above 127 in a value', 'A: \u00e9\r\n\r\nx', 'A: \u00e9\r\n|\r\nx'],
]

test('RFC 5322 §2.1: where the header ends, split at every octet', () => {
  for (const [what, input, expected] of messages) {
    const bytes = Buffer.from(input, 'latin1')
    for (let split = 0; split <= bytes.length; split++) {
      const out: Buffer[] = []
      const gate = new HeaderGate(
        (chunk) => void out.push(Buffer.from(chunk)),
        (header) => Buffer.concat([header, Buffer.from('|')]),
      )
      if (split > 0) void gate.push(bytes.subarray(0, split))
      if (split < bytes.length) void gate.push(bytes.subarray(split))
      void gate.finish()
      assert.equal(Buffer.concat(out).toString('latin1'), expected, `${what} at ${split}`)
    }
  }
})

test('without a rewriting a message with a header passes octet for octet', () => {
  const text =
    'Received: a\r\nRECEIVED : b\r\nReceived-SPF: c\r\ndelivered-to: X@y.z\r\nMessage-ID:\r\n <1@x>\r\n\r\nReceived: no\r\n'
  for (const size of [1, 2, 7, 1000]) {
    const out: Buffer[] = []
    const gate = new HeaderGate((chunk) => void out.push(Buffer.from(chunk)))
    for (let at = 0; at < text.length; at += size) void gate.push(Buffer.from(text.slice(at, at + size)))
    void gate.finish()
    assert.equal(Buffer.concat(out).toString(), text)
    assert.deepEqual([gate.facts.hops, gate.facts.deliveredTo, gate.facts.messageId], [2, ['x@y.z'], '<1@x>'])
  }
})

test('a header without end is passed on, and in tiny pieces costs no more', () => {
  let passed = 0
  const gate = new HeaderGate((chunk) => {
    passed += chunk.length
    return undefined
  })
  const started = performance.now()
  for (let i = 0; i < 50_000; i++) void gate.push(Buffer.from('a:\r\n'))
  void gate.finish()
  assert.equal(passed, 200_000)
  assert.ok(performance.now() - started < 1_500)
})

test('addresses without a domain are completed, the rest of the field stays', () => {
  const rows: readonly [string, string][] = [
    ['To: root\r\n', 'To: root@o.org\r\n'],
    ['From: root (Cron Daemon)\r\n', 'From: root@o.org (Cron Daemon)\r\n'],
    ['To: "a, b" <bob>, carl,\r\n dave@x.y\r\n', 'To: "a, b" <bob@o.org>, carl@o.org,\r\n dave@x.y\r\n'],
    ['To: Bob B <bob@x.y>\r\n', 'To: Bob B <bob@x.y>\r\n'],
    ['To: group: a, B <b>; c\r\n', 'To: group: a@o.org, B <b@o.org>; c@o.org\r\n'],
    ['To: undisclosed-recipients:;\r\n', 'To: undisclosed-recipients:;\r\n'],
    [
      'To: x@[IPv6:2001:db8::1], "q r"@x.y, <@a,@b:c@d>, y\r\n',
      'To: x@[IPv6:2001:db8::1], "q r"@x.y, <@a,@b:c@d>, y@o.org\r\n',
    ],
    ['To: bob (a, \\) <c>) , "open <d>\r\n', 'To: bob@o.org (a, \\) <c>) , "open <d>\r\n'],
    ['To: undisclosed recipients\r\n', 'To: undisclosed recipients\r\n'],
    ['From: <>\r\n', 'From: <>\r\n'],
    ['To: "\\"<x>" <y>\r\n', 'To: "\\"<x>" <y@o.org>\r\n'],
    ['To: \u00e9 <bob>\r\n', 'To: \u00e9 <bob@o.org>\r\n'],
    ['To:\r\n', 'To:\r\n'],
  ]
  for (const [input, expected] of rows) {
    const done = rewriteAddressField(Buffer.from(input, 'latin1'), (address) =>
      address.includes('@') ? address : `${address}@o.org`,
    )
    assert.equal(done.toString('latin1'), expected)
  }
})

test('line ends become CRLF however the text is cut', () => {
  const text = 'a\nb\r\n\n\rc\r\r\n'
  for (let split = 0; split <= text.length; split++) {
    const convert = createLineEnds()
    const done = Buffer.concat([
      convert(Buffer.from(text.slice(0, split))),
      convert(Buffer.from(text.slice(split))),
    ])
    assert.equal(done.toString(), 'a\r\nb\r\n\r\n\rc\r\r\n')
  }
})

test('the sendmail command: same way in, no session', async () => {
  const mail = await openMailFixture({ receive: { messageSizeLimitBytes: 1_000 } })
  const sources = {
    store: mail.store,
    log: (event: (typeof mail.events)[number]) => void mail.events.push(event),
    now: () => mail.clock.ms,
    configuration: () => mail.configuration,
  }
  const done = await submit(
    {
      sender: 'alice',
      recipients: [{ address: 'bob' }],
      content: [Buffer.from('To: bob\nBcc: x\nSubject: s\n\nhi\n')],
      userid: 1000,
    },
    sources,
  )
  assert.equal(done.code, 250)
  const [text = ''] = await mail.inbox('bob@example.org')
  assert.match(text, /\r\nReceived: by mx\.example\.org \(Posthorn, from userid 1000\)\r\n\tid [0-9A-F]+; /)
  assert.match(
    text,
    /\r\nTo: bob@example\.org\r\nSubject: s\r\nDate: .*\r\nFrom: alice@example\.org\r\nMessage-ID: <.*>\r\n\r\nhi\r\n$/,
  )
  assert.deepEqual(mail.lines().slice(0, 1), ['pickup ID: uid=1000 from=<alice>'])
  assert.ok(mail.lines().some((line) => line === 'qmgr ID: removed'))
  const big = await submit(
    { sender: 'a', recipients: [{ address: 'bob' }], content: [Buffer.alloc(1_001, 'x')], userid: 0 },
    sources,
  )
  assert.equal(big.code, 552)
  const none = await submit({ sender: 'a', recipients: [], content: [], userid: 0 }, sources)
  assert.equal(none.code, 554)
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('Subject: x\n')
    throw new Error('read failed')
  }
  const failed = await submit(
    { sender: 'a', recipients: [{ address: 'bob' }], content: broken(), userid: 0 },
    sources,
  )
  assert.equal(failed.code, 451)
  const verp = { recipients: [{ address: 'bob' }], content: [Buffer.from('x')], userid: 0 }
  assert.equal((await submit({ ...verp, sender: 'owner', verp: 'default' }, sources)).code, 250)
  assert.equal((await submit({ ...verp, sender: '', verp: 'default' }, sources)).code, 503)
  assert.equal((await submit({ ...verp, sender: 'a', verp: { delimiters: '**' } }, sources)).code, 501)
  const [, withPath = ''] = await mail.inbox('bob@example.org')
  assert.match(withPath, /^Return-Path: <owner\+bob=example\.org@example\.org>\r\n/)
  mail.events.splice(0)
  assert.equal((await mail.inbox('bob@example.org')).length, 2)
  await mail.close()
})
