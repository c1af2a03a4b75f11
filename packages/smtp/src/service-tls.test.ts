import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { test } from 'node:test'
import tls from 'node:tls'
import { TlsCredentials } from '@posthorn/net'
import nodemailer from 'nodemailer'
import { createSelfSigned } from '../../server/src/tls/self-signed.ts'
import { RecordingHandler } from './handler-fixture.ts'
import { createSmtpService } from './index.ts'
import { Client, serve } from './service-fixture.ts'

test('RFC 3207 §4: STARTTLS, then all anew; plaintext in the same packet is never run', async (t) => {
  const { port, handler } = await serve(t, { options: { authOnlyWithTls: 'yes' } })
  const client = await Client.open(port)
  await client.reply()
  assert.match(await client.ask('EHLO c.test'), /250-STARTTLS/)
  client.socket.write('STARTTLS\r\nMAIL FROM:<injected@x.test>\r\nRCPT TO:<x@local.test>\r\n')
  assert.equal(await client.reply(), '220 2.0.0 Ready to start TLS')
  await client.startTls()
  assert.equal(await client.ask('RCPT TO:<x@local.test>'), '503 5.5.1 Error: need MAIL command')
  const hello = await client.ask('EHLO c.test')
  assert.match(hello, /250-AUTH PLAIN LOGIN/)
  assert.doesNotMatch(hello, /STARTTLS/)
  assert.equal(await client.ask('AUTH PLAIN AGFsaWNlAHNlY3JldA=='), '235 2.7.0 Authentication successful')
  assert.equal(handler.sessions[0]?.protocol, 'ESMTPS')
  assert.match(handler.sessions[0]?.tls?.protocol ?? '', /^TLSv1\.[23]$/)
  assert.equal(await client.ask('QUIT'), '221 2.0.0 Bye')
})

test('a handshake that fails ends that connection only', async (t) => {
  const { port, handler, faults } = await serve(t)
  const client = await Client.open(port)
  await client.reply()
  assert.equal(await client.ask('STARTTLS'), '220 2.0.0 Ready to start TLS')
  client.socket.write('this is no ClientHello\r\n\r\n')
  await once(client.socket, 'close')
  assert.equal(await (await Client.open(port)).reply(), '220 mx.test ESMTP Posthorn')
  assert.match(handler.notes.join('\n'), /SSL_accept error from unknown\[127\.0\.0\.1\]/)
  assert.deepEqual(faults, [])
})

test('RFC 8314 §3.3: implicit TLS, a renewed certificate is shown at once', async (t) => {
  const own = new TlsCredentials(await createSelfSigned(['old.test'], Date.now()))
  const service = createSmtpService({
    handler: new RecordingHandler(),
    options: { hostname: 'mx.test' },
    log: () => undefined,
    tls: own,
  })
  t.after(() => service.close('now'))
  const { port } = await service.listen({ service: 'submissions', host: '127.0.0.1', port: 0 })
  const subject = async (): Promise<string> => {
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    const client = new Client(socket)
    assert.equal(await client.reply(), '220 mx.test ESMTP Posthorn')
    assert.equal(await client.ask('MAIL FROM:<a@b>'), '530 5.7.0 Authentication required')
    const name = String(socket.getPeerCertificate().subject.CN)
    socket.destroy()
    return name
  }
  assert.equal(await subject(), 'old.test')
  own.replace(await createSelfSigned(['new.test'], Date.now()))
  assert.equal(await subject(), 'new.test')
})

test('nodemailer sends through STARTTLS and AUTH', async (t) => {
  const { port, handler } = await serve(t, { listen: { service: 'submission' } })
  const transport = nodemailer.createTransport({
    host: '127.0.0.1',
    port,
    auth: { user: 'alice', pass: 'secret' },
    tls: { rejectUnauthorized: false },
  })
  await transport.sendMail({
    from: 'alice@local.test',
    to: ['x@local.test', 'y@local.test'],
    subject: 'Grüße',
    text: '.\n..\nzwei Punkte',
  })
  transport.close()
  assert.equal(handler.mails[0]?.recipients.length, 2)
  assert.equal(handler.mails[0]?.user, 'alice@local.test')
  assert.match(handler.mails[0]?.text ?? '', /\r\n\r\n\.\r\n\.\.\r\nzwei Punkte\r\n$/)
})

test('TLS handshakes that never end: cut off in time, the oldest first when there are too many', async (t) => {
  const options = { handshakeTimeoutMs: 300, connections: 3 }
  const { port, faults } = await serve(t, { options, listen: { service: 'submissions' } })
  const hanging: Client[] = []
  for (let i = 0; i < 5; i++) hanging.push(await Client.open(port))
  // The first octets of a ClientHello, one by one: never silent, never done.
  const trickle = setInterval(() => {
    for (const { socket } of hanging) if (socket.writable) socket.write(Buffer.from([22]))
  }, 20)
  t.after(() => clearInterval(trickle))
  const good = new Client(tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false }))
  assert.match(await good.reply(), /^220/)
  await Promise.all(hanging.map(({ socket, closed }) => (closed ? undefined : once(socket, 'close'))))
  assert.equal(await good.ask('NOOP'), '250 2.0.0 Ok')
  assert.deepEqual(faults, [])
})

test('handshakes without end from one address crowd out their own, nobody else’s', {
  skip: process.platform !== 'linux' && 'a loopback interface has one address there',
}, async (t) => {
  const options = { handshakeTimeoutMs: 60_000, connections: 4 }
  const { port } = await serve(t, { options, listen: { service: 'submissions' } })
  const slow = net.connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })
  await once(slow, 'connect')
  for (let i = 0; i < 10; i++) await Client.open(port)
  const good = tls.connect({ socket: slow, rejectUnauthorized: false })
  await once(good, 'secureConnect', { signal: AbortSignal.timeout(20_000) })
  good.destroy()
})

test('a FIN before or in a TLS handshake ends the connection at once', async (t) => {
  // A timeout would end it too, an hour later.
  const options = { handshakeTimeoutMs: 3_600_000 }
  const { port, service } = await serve(t, { options })
  for (const sent of ['STARTTLS\r\n', 'STARTTLS\r\nNOOP\r\n']) {
    const client = await Client.open(port)
    await client.reply()
    client.socket.end(`EHLO x\r\n${sent}`)
    await once(client.socket, 'close')
  }
  const later = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  later.on('data', (said) => {
    if (said.includes('220 mx.test')) later.write('EHLO x\r\nSTARTTLS\r\n')
    if (said.includes('220 2.0.0')) later.end('\x16\x03\x01')
  })
  await once(later, 'end')
  assert.equal(service.connections, 0)

  const implicit = await serve(t, { options, listen: { service: 'submissions' } })
  const silent = net.connect({ host: '127.0.0.1', port: implicit.port, allowHalfOpen: true })
  silent.end('\x16\x03\x01')
  silent.on('error', () => undefined)
  silent.resume()
  await once(silent, 'close')
})

test('RFC 7301 §3.2: a client that offers other protocols only is refused, by STARTTLS too', async (t) => {
  const { port } = await serve(t, { listen: { service: 'submissions' } })
  const greeting = async (ALPNProtocols: string[]): Promise<string> => {
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols })
    return new Client(socket).reply().catch(String)
  }
  assert.match(await greeting(['smtp']), /^220/)
  assert.match(await greeting([]), /^220/)
  assert.match(await greeting(['h2', 'http/1.1']), /no application protocol/)
  const mx = await serve(t)
  const client = await Client.open(mx.port)
  await client.reply()
  await client.ask('STARTTLS')
  client.socket.removeAllListeners('data')
  const socket = tls.connect({
    socket: client.socket,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  })
  const [error] = await once(socket, 'error')
  assert.match(String(error), /no application protocol/i)
})
