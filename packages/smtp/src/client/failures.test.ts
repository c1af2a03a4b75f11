import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failed, mailTo, peer, ready, short } from './client-fixture.ts'
import type { PeerAction } from './scripted-peer-fixture.ts'

const everyFailure: readonly (readonly [
  what: string,
  script: Record<string, PeerAction>,
  expect: string,
  quiet?: true,
])[] = [
  [
    '5yz to MAIL',
    { MAIL: '550 5.7.1 no' },
    'reply 5.7.1 host mx.test[127.0.0.1] said: 550 5.7.1 no (in reply to MAIL FROM command)',
  ],
  [
    '4yz without status',
    { MAIL: '451 later' },
    'reply 4.0.0 host mx.test[127.0.0.1] said: 451 later (in reply to MAIL FROM command)',
  ],
  [
    '5yz to DATA',
    { DATA: '554 5.5.1 no' },
    'reply 5.5.1 host mx.test[127.0.0.1] said: 554 5.5.1 no (in reply to DATA command)',
  ],
  [
    '4yz to the message',
    { '.': '452 4.3.1 full' },
    'reply 4.3.1 host mx.test[127.0.0.1] said: 452 4.3.1 full (in reply to end of DATA command)',
  ],
  [
    'dropped at MAIL',
    { MAIL: 'DROP' },
    'lost 4.4.2 lost connection with mx.test[127.0.0.1] while sending MAIL FROM',
  ],
  [
    'dropped at DATA',
    { DATA: 'DROP' },
    'lost 4.4.2 lost connection with mx.test[127.0.0.1] while sending DATA command',
  ],
  [
    'breaks before 250',
    { '.': 'DROP' },
    'lost 4.4.2 lost connection with mx.test[127.0.0.1] while sending end of data -- message may be sent more than once',
  ],
  [
    '421 in the middle',
    { DATA: '421 4.3.2 going down' },
    'reply 4.3.2 host mx.test[127.0.0.1] said: 421 4.3.2 going down (in reply to DATA command)',
  ],
  [
    'more is asked for after RCPT',
    { RCPT: '354 what else?' },
    'reply 5.5.0 host mx.test[127.0.0.1] said: 354 what else? (in reply to RCPT TO command)',
  ],
  [
    'content that nobody waits for',
    { DATA: '250 2.0.0 fine' },
    'reply 5.5.0 Protocol error: host mx.test[127.0.0.1] said: 250 2.0.0 fine (in reply to DATA command)',
  ],
  [
    'a message that is neither taken nor refused',
    { '.': '354 more?' },
    'reply 5.5.0 host mx.test[127.0.0.1] said: 354 more? (in reply to end of DATA command)',
  ],
  [
    'no reply at all',
    { MAIL: 'hello there' },
    'reply 4.5.0 host mx.test[127.0.0.1] said: 450 4.5.0 unreadable reply: hello there (in reply to MAIL FROM command)',
  ],
  [
    'silence',
    { DATA: 'SILENCE' },
    'timeout 4.4.2 conversation with mx.test[127.0.0.1] timed out while sending DATA command',
    true,
  ],
  [
    'silence after the message',
    { '.': 'SILENCE' },
    'timeout 4.4.2 conversation with mx.test[127.0.0.1] timed out while sending end of data -- message may be sent more than once',
    true,
  ],
]
for (const [what, script, expect, quiet] of everyFailure) {
  test(`a peer that fails: ${what}`, async (t) => {
    const { connect } = await peer(t, script)
    const client = ready(
      await connect(quiet ? { timeouts: { mailMs: 50, dataInitMs: 50, dataDoneMs: 50 } } : {}),
    )
    const outcomes = await client.send(mailTo(['x@y']))
    assert.equal(short(outcomes[0]), expect)
    client.quit()
  })
}

test('a server that answers a whole group and hangs up: its last words count', async (t) => {
  const { connect } = await peer(t, {
    MAIL: '250 2.1.0 Ok',
    'RCPT TO:<x@y>': '550 5.1.1 no such user',
    DATA: '421 4.7.0 go away\nDROP',
  })
  const client = ready(await connect())
  assert.match(short((await client.send(mailTo(['x@y'])))[0]), /^reply 5\.1\.1 /)
  const reset = await peer(t, { MAIL: 'RESET' })
  assert.match(short((await ready(await reset.connect()).send(mailTo(['x@y'])))[0]), /^lost 4\.4\.2 /)
})

test('a server that wants content though it accepted nobody gets none', async (t) => {
  for (const script of [{ RCPT: '550 5.1.1 no' }, { MAIL: '550 5.7.1 no' }]) {
    const { scripted, connect } = await peer(t, script)
    const client = ready(await connect())
    assert.match(short((await client.send(mailTo(['x@y'])))[0]), /^reply 5/)
    assert.ok(!client.usable)
    assert.doesNotMatch(scripted.received[0] ?? '', /Subject|\r\n\.\r\n/)
  }
})

test('a server that cannot be talked to', async (t) => {
  for (const [script, expect] of [
    [
      { greeting: '554 5.7.1 go away' },
      'reply 5.7.1 host mx.test[127.0.0.1] refused to talk to me: 554 5.7.1 go away',
    ],
    [
      { greeting: '421 4.3.2 busy' },
      'reply 4.3.2 host mx.test[127.0.0.1] refused to talk to me: 421 4.3.2 busy',
    ],
    [
      { greeting: 'DROP' },
      'lost 4.4.2 lost connection with mx.test[127.0.0.1] while receiving the initial server greeting',
    ],
    [
      { greeting: 'SILENCE' },
      'timeout 4.4.2 conversation with mx.test[127.0.0.1] timed out while receiving the initial server greeting',
    ],
    [{ EHLO: 'DROP' }, 'lost 4.4.2 lost connection with mx.test[127.0.0.1] while'],
  ] as const) {
    const { connect } = await peer(t, script as Record<string, PeerAction>)
    const { kind, status, text } = failed(await connect({ timeouts: { heloMs: 80 } }))
    assert.ok(`${kind} ${status} ${text}`.startsWith(expect), `${kind} ${status} ${text}`)
  }
  const { scripted, connect } = await peer(t, {})
  scripted.close()
  assert.equal(
    failed(await connect()).text,
    `connect to mx.test[127.0.0.1]:${scripted.port}: Connection refused`,
  )
})

test('RFC 5321 §4.3.2: where DATA is not answered by 354, no octet of the message is sent', async (t) => {
  for (const ehlo of ['250-peer.test\n250 PIPELINING', '250 peer.test']) {
    const { scripted, connect } = await peer(t, { EHLO: ehlo, DATA: '250 fine' })
    const client = ready(await connect())
    assert.match(short((await client.send(mailTo(['x@y'])))[0]), /^reply 5\.5\.0 Protocol error/)
    client.quit()
    assert.doesNotMatch(scripted.received[0] ?? '', /Subject/)
  }
})

test('RFC 5321 §4.1.1.10: QUIT is said to who refuses to talk, too', async (t) => {
  for (const [script, status] of [
    [{ greeting: '554 5.7.1 go away' }, '4.7.1'],
    [{ EHLO: '550 5.7.1 never', HELO: '550 5.7.1 never' }, '5.7.1'],
  ] as const) {
    const { scripted, connect } = await peer(t, script)
    // Postfix: smtp_skip_5xx_greeting is about the greeting alone.
    assert.equal(failed(await connect({ refusingGreeting: 'soft' })).status, status)
    await scripted.hears(/QUIT\r\n$/)
  }
})

test('Postfix: smtp_pix_workarounds: HELO, and a pause before the dot of mail that has waited', async (t) => {
  const garbled = { greeting: '220 ************************2****0*****0***' }
  const pix = { words: ['disable_esmtp', 'delay_dotcrlf'], thresholdMs: 500_000, delayMs: 40 }
  const { scripted, connect } = await peer(t, garbled)
  const client = ready(await connect({ pix }))
  const startedMs = performance.now()
  assert.match(short((await client.send(mailTo(['x@y'], { waitedMs: 600_000 })))[0]), /^sent /)
  assert.ok(performance.now() - startedMs >= 35)
  client.quit()
  assert.match(scripted.received[0] ?? '', /^HELO us\.test\r\n/)
  // Mail that is tried for the first time does not wait, nor does any for a server that can greet.
  const young = ready(await connect({ pix: { ...pix, delayMs: 3_600_000 } }))
  assert.match(short((await young.send(mailTo(['x@y'], { waitedMs: 1_000 })))[0]), /^sent /)
  young.quit()
  const other = await peer(t, {})
  const plain = ready(await other.connect({ pix: { ...pix, delayMs: 3_600_000 } }))
  assert.match(short((await plain.send(mailTo(['x@y'], { waitedMs: 600_000 })))[0]), /^sent /)
  plain.quit()
  assert.match(other.scripted.received[0] ?? '', /^EHLO/)
})
