import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { TlsCredentials } from '@posthorn/net'
import { createSelfSigned } from '../../../server/src/tls/self-signed.ts'
import { RecordingHandler } from '../handler-fixture.ts'
import { connectSmtp, createSmtpService } from '../index.ts'
import { base, failed, mailTo, message, peer, ready, short } from './client-fixture.ts'

test('RFC 5321 §4.1.1: a message, pipelined, dot-stuffed, and the connection used again', async (t) => {
  const { scripted, connect } = await peer(t, {})
  const client = ready(await connect())
  assert.equal(client.remote, `mx.test[127.0.0.1]:${scripted.port}`)
  assert.deepEqual((await client.send(mailTo(['x@y', 'z@y']))).map(short), [
    'sent 250 2.0.0 Ok: queued as PEER',
    'sent 250 2.0.0 Ok: queued as PEER',
  ])
  assert.ok(client.usable)
  assert.equal(short((await client.send(mailTo(['q@y'])))[0]), 'sent 250 2.0.0 Ok: queued as PEER')
  client.quit()
  assert.equal(
    scripted.received[0]?.split('MAIL FROM')[1],
    `:<a@us.test> SIZE=${message.length}\r\nRCPT TO:<x@y>\r\nRCPT TO:<z@y>\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\nbare\r\nend\r\n.\r\n`,
  )
})

test('a server that refuses one of many, now or for ever', async (t) => {
  for (const ehlo of ['250-peer.test\n250 PIPELINING', '250 peer.test']) {
    const { connect } = await peer(t, {
      EHLO: ehlo,
      'RCPT TO:<1@y>': '550 5.1.1 <1@y>: no such user',
      'RCPT TO:<2@y>': '450-4.2.0 <2@y>: Greylisted\n450 4.2.0 see elsewhere',
      'RCPT TO:<4@y>': '552 5.5.3 too many recipients',
    })
    const client = ready(await connect())
    assert.deepEqual((await client.send(mailTo(['1@y', '2@y', '3@y', '4@y']))).map(short), [
      'reply 5.1.1 host mx.test[127.0.0.1] said: 550 5.1.1 <1@y>: no such user (in reply to RCPT TO command)',
      'reply 4.2.0 host mx.test[127.0.0.1] said: 450-4.2.0 <2@y>: Greylisted 450 4.2.0 see elsewhere (in reply to RCPT TO command)',
      'sent 250 2.0.0 Ok: queued as PEER',
      'reply 4.5.3 host mx.test[127.0.0.1] said: 552 5.5.3 too many recipients (in reply to RCPT TO command)',
    ])
    client.quit()
  }
})

test('RFC 5321 §3.2: HELO where EHLO is not known, and nothing that needs EHLO', async (t) => {
  const { scripted, connect } = await peer(t, { EHLO: '502 5.5.1 what?' })
  const client = ready(await connect())
  const [outcome] = await client.send(mailTo(['x@y'], { ret: 'HDRS', envid: 'q', body: '8BITMIME' }))
  assert.equal(short(outcome), 'sent 250 2.0.0 Ok: queued as PEER')
  assert.match(scripted.received[0] ?? '', /HELO us\.test\r\nMAIL FROM:<a@us\.test>\r\nRCPT/)
  client.quit()
})

test('RFC 3461 §5.2.1, RFC 6152, RFC 6531: parameters where they are known', async (t) => {
  const { scripted, connect } = await peer(t, {
    EHLO: '250-peer.test\n250-DSN\n250-8BITMIME\n250-SMTPUTF8\n250 SIZE',
  })
  const client = ready(await connect())
  const outcomes = await client.send(
    mailTo([], {
      sender: 'jörg@us.test',
      recipients: [
        { address: 'x@y', notify: ['SUCCESS', 'DELAY'], originalRecipient: 'rfc822;x+1@o' },
        { address: 'z@y', notify: ['NEVER'] },
      ],
      smtpUtf8: true,
      body: '8BITMIME',
      ret: 'FULL',
      envid: 'a b=c',
    }),
  )
  assert.ok(outcomes.every((outcome) => outcome.kind === 'sent' && outcome.reports === 'dsn'))
  const text = Buffer.from(scripted.received[0] ?? '', 'latin1').toString()
  assert.ok(
    text.includes(
      `MAIL FROM:<jörg@us.test> SIZE=${message.length} BODY=8BITMIME SMTPUTF8 ENVID=a+20b+3Dc RET=FULL\r\n`,
    ),
    text,
  )
  assert.ok(
    text.includes(
      'RCPT TO:<x@y> ORCPT=rfc822;x+2B1@o NOTIFY=SUCCESS,DELAY\r\nRCPT TO:<z@y> NOTIFY=NEVER\r\n',
    ),
    text,
  )
  client.quit()
})

test('what the server cannot take is known before MAIL', async (t) => {
  const { scripted, connect } = await peer(t, {})
  const client = ready(await connect())
  const large = await client.send(mailTo(['x@y'], { sizeBytes: 1_000_001 }))
  assert.equal(
    short(large[0]),
    'capability 5.3.4 message size 1000001 exceeds size limit 1000000 of server mx.test[127.0.0.1]',
  )
  const utf8 = await client.send(mailTo(['jörg@y'], { smtpUtf8: true }))
  assert.equal(
    short(utf8[0]),
    'capability 5.6.7 SMTPUTF8 is required, but was not offered by host mx.test[127.0.0.1]',
  )
  const injection = await client.send(mailTo(['x@y>\r\nRSET\r\nMAIL FROM:<z@y']))
  assert.equal(short(injection[0]), 'capability 5.1.3 bad address syntax')
  assert.doesNotMatch(scripted.received[0] ?? '', /MAIL|RSET/)
  client.quit()
})

test('RFC 5321 §6.3: a server with our own name is us', async (t) => {
  const { scripted, connect } = await peer(t, { EHLO: '250-US.test\n250 SIZE' })
  const { status, text } = failed(await connect())
  assert.equal(status, '5.4.6')
  assert.match(
    text,
    /^mail loops back to myself: host mx\.test\[127\.0\.0\.1\] replied to HELO\/EHLO with my own hostname US\.test$/,
  )
  assert.doesNotMatch(scripted.received[0] ?? '', /MAIL/)
})

test('half a message is never ended with a dot', async (t) => {
  const { scripted, connect } = await peer(t, {})
  const client = ready(await connect())
  await assert.rejects(
    client.send(
      mailTo(['x@y'], {
        async *content() {
          yield message
          throw new Error('disk gone')
        },
      }),
    ),
    /disk gone/,
  )
  assert.ok(!client.usable)
  assert.doesNotMatch(scripted.received[0] ?? '', /\r\n\.\r\n/)
})

test('RFC 2033 §4.2: LMTP, one answer for each recipient', async (t) => {
  const handler = new RecordingHandler()
  handler.endReplies = (list) =>
    list.map(({ address }) =>
      address.startsWith('full')
        ? { code: 452, status: '4.2.2', text: 'full' }
        : { code: 250, status: '2.1.5', text: 'Ok' },
    )
  const service = createSmtpService({ handler, options: { hostname: 'mx.test' }, log: () => undefined })
  t.after(() => service.close('now'))
  const { port } = await service.listen({ service: 'lmtp', host: '127.0.0.1', port: 0 })
  const client = ready(
    await connectSmtp({ host: 'mx.test', address: '127.0.0.1', port }, { ...base, protocol: 'lmtp' }),
  )
  const outcomes = await client.send(mailTo(['a@local.test', 'no@else.test', 'full@local.test']))
  assert.deepEqual(outcomes.map(short), [
    'sent 250 2.1.5 Ok',
    'reply 5.7.1 host mx.test[127.0.0.1] said: 554 5.7.1 <no@else.test>: Relay access denied (in reply to RCPT TO command)',
    'reply 4.2.2 host mx.test[127.0.0.1] said: 452 4.2.2 full (in reply to end of DATA command)',
  ])
  client.quit()
})

const own = async (t: TestContext, service: 'mx' | 'submission') => {
  const handler = new RecordingHandler()
  const cert = await createSelfSigned(['mx.test'], Date.now())
  const smtp = createSmtpService({
    handler,
    options: { hostname: 'mx.test' },
    log: () => undefined,
    tls: new TlsCredentials(cert),
  })
  t.after(() => smtp.close('now'))
  const { port } = await smtp.listen({ service, host: '127.0.0.1', port: 0 })
  return { handler, cert, server: { host: 'mx.test', address: '127.0.0.1', port } }
}

test('smtp_tls_security_level: may, encrypt, verify, none', async (t) => {
  const { handler, cert, server } = await own(t, 'mx')
  for (const [options, protocol] of [
    [{ tlsLevel: 'may' }, 'ESMTPS'],
    [{ tlsLevel: 'encrypt' }, 'ESMTPS'],
    [{ tlsLevel: 'verify', tls: { ca: cert.cert } }, 'ESMTPS'],
    [{ tlsLevel: 'none' }, 'ESMTP'],
  ] as const) {
    const client = ready(await connectSmtp(server, { ...base, ...options }))
    await client.send(mailTo(['x@local.test']))
    client.quit()
    assert.equal(handler.mails.at(-1)?.protocol, protocol)
  }
  const unverified = failed(await connectSmtp(server, { ...base, tlsLevel: 'verify' }))
  assert.equal(unverified.kind, 'tls')
  assert.equal(unverified.status, '4.7.5')
})

test('RFC 3207 §5: level may goes on in the clear when STARTTLS fails, level encrypt never', async (t) => {
  const timeouts = { heloMs: 100 }
  for (const starttls of ['454 4.7.0 TLS not available', '220 2.0.0 go on, but I speak no TLS']) {
    const { scripted, connect } = await peer(t, { EHLO: '250-peer.test\n250 STARTTLS', STARTTLS: starttls })
    const client = ready(await connect({ timeouts }))
    assert.equal(client.tls, undefined)
    assert.equal(short((await client.send(mailTo(['x@y'])))[0]), 'sent 250 2.0.0 Ok: queued as PEER')
    client.quit()
    const before = scripted.received.length
    assert.equal(failed(await connect({ tlsLevel: 'encrypt', timeouts })).kind, 'tls')
    assert.doesNotMatch(scripted.received.slice(before).join(''), /MAIL FROM/)
  }
  const stripped = await peer(t, { EHLO: '250 peer.test', STARTTLS: '500 what?' })
  const { kind, status, text } = failed(await stripped.connect({ tlsLevel: 'encrypt' }))
  assert.equal(
    `${kind} ${status} ${text}`,
    'tls 4.7.4 TLS is required, but was not offered by host mx.test[127.0.0.1]',
  )
})

test('RFC 4954: login at a relay', async (t) => {
  const { handler, server } = await own(t, 'submission')
  const login = { user: 'alice', password: 'secret' }
  const client = ready(await connectSmtp(server, { ...base, login }))
  await client.send(mailTo(['x@local.test']))
  client.quit()
  assert.equal(handler.mails[0]?.user, 'alice@local.test')
  const wrong = failed(await connectSmtp(server, { ...base, login: { ...login, password: 'x' } }))
  assert.equal(wrong.kind, 'auth')
  assert.equal(wrong.status, '4.7.8')
  assert.match(wrong.text, /^SASL authentication failed; server mx\.test\[127\.0\.0\.1\] said: 535 5\.7\.8/)
  const clear = failed(await connectSmtp(server, { ...base, tlsLevel: 'none', login }))
  assert.match(clear.text, /no mechanism available$/)
})
