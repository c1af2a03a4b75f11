import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import tls from 'node:tls'
import { TlsCredentials } from '@posthorn/net'
import nodemailer from 'nodemailer'
import { createSelfSigned } from '../../server/src/tls/self-signed.ts'
import { RecordingHandler } from './handler-fixture.ts'
import { createSmtpService, type SmtpListen, type SmtpOptions } from './index.ts'

const credentials = new TlsCredentials(await createSelfSigned(['mx.test'], Date.now()))

const serve = async (
  t: TestContext,
  setting: {
    options?: Partial<SmtpOptions>
    listen?: Partial<SmtpListen>
    trusted?: boolean
    noTls?: true
  } = {},
) => {
  const handler = new RecordingHandler()
  handler.trusted = setting.trusted ?? true
  const faults: unknown[] = []
  const service = createSmtpService({
    handler,
    options: { hostname: 'mx.test', ...setting.options },
    log: (event) => event.error !== undefined && faults.push(event.error),
    ...(setting.noTls ? {} : { tls: credentials }),
  })
  t.after(() => service.close('now'))
  const listening = await service.listen({ service: 'mx', host: '127.0.0.1', port: 0, ...setting.listen })
  return { handler, service, port: listening.port, faults, listening }
}

/** Reads replies one by one. */
class Client {
  socket: net.Socket
  #text = ''
  closed = false

  constructor(socket: net.Socket) {
    this.socket = socket
    this.#listen()
  }

  static async open(port: number): Promise<Client> {
    const socket = net.connect(port, '127.0.0.1')
    const client = new Client(socket)
    await once(socket, 'connect')
    return client
  }

  #listen(): void {
    this.socket.on('data', (chunk) => {
      this.#text += chunk.toString('latin1')
    })
    this.socket.on('close', () => {
      this.closed = true
    })
    this.socket.on('error', () => undefined)
  }

  /** The next reply, all its lines; what is left when the server closes. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/.exec(this.#text)
      if (match !== null) {
        this.#text = this.#text.slice(match[0].length)
        return match[0].trimEnd()
      }
      if (this.closed) return this.#text
      await Promise.race([once(this.socket, 'data'), once(this.socket, 'close')])
    }
  }

  async ask(line: string): Promise<string> {
    this.socket.write(`${line}\r\n`)
    return this.reply()
  }

  async startTls(): Promise<void> {
    this.socket.removeAllListeners('data')
    this.socket = tls.connect({ socket: this.socket, rejectUnauthorized: false })
    await once(this.socket, 'secureConnect')
    this.#listen()
  }
}

test('trusted clients are greeted at once, strangers after greetWaitMs', async (t) => {
  const trusted = await serve(t, { options: { greetWaitMs: 60_000 } })
  assert.equal(await (await Client.open(trusted.port)).reply(), '220 mx.test ESMTP Posthorn')
  const stranger = await serve(t, { trusted: false, options: { greetWaitMs: 30 } })
  const startMs = performance.now()
  assert.equal(await (await Client.open(stranger.port)).reply(), '220 mx.test ESMTP Posthorn')
  assert.ok(performance.now() - startMs >= 29)
})

test('a stranger who speaks before the greeting is sent away; a trusted client is answered', async (t) => {
  const stranger = await serve(t, { trusted: false, options: { greetWaitMs: 200 } })
  const early = await Client.open(stranger.port)
  early.socket.write('EHLO spam\r\n')
  assert.equal(await early.reply(), '521 5.5.1 Protocol error')
  await once(early.socket, 'close')
  assert.match(
    stranger.handler.notes[0] ?? '',
    /^PREGREET 11 after 0\.2 from \[127\.0\.0\.1\]:\d+: EHLO spam/,
  )
  const trusted = await serve(t)
  const quick = await Client.open(trusted.port)
  quick.socket.write('NOOP\r\n')
  assert.equal(await quick.reply(), '220 mx.test ESMTP Posthorn')
  assert.equal(await quick.reply(), '250 2.0.0 Ok')
})

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

test('smtpd_client_connection_count_limit binds strangers, never trusted clients', async (t) => {
  const options = { connectionsPerClient: 2, greetWaitMs: 0 }
  const stranger = await serve(t, { trusted: false, options })
  const first = await Client.open(stranger.port)
  assert.match(await first.reply(), /^220/)
  assert.match(await (await Client.open(stranger.port)).reply(), /^220/)
  assert.equal(
    await (await Client.open(stranger.port)).reply(),
    '421 4.7.0 mx.test Error: too many connections from 127.0.0.1',
  )
  await first.ask('QUIT')
  first.socket.end()
  await once(first.socket, 'close')
  while (stranger.service.connections > 1) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.match(await (await Client.open(stranger.port)).reply(), /^220/)
  const trusted = await serve(t, { options })
  for (let i = 0; i < 5; i++) assert.match(await (await Client.open(trusted.port)).reply(), /^220/)
})

test('a full house: the oldest unknown idle client makes room', async (t) => {
  const { port } = await serve(t, { trusted: false, options: { connections: 2, greetWaitMs: 0 } })
  const oldest = await Client.open(port)
  await oldest.reply()
  const second = await Client.open(port)
  await second.reply()
  assert.match(await (await Client.open(port)).reply(), /^220/)
  assert.equal(await oldest.reply(), '421 4.3.2 mx.test Error: all server ports are busy')
  assert.equal(await second.ask('NOOP'), '250 2.0.0 Ok')
})

test('RST and garbage at any moment: the process and the others go on', async (t) => {
  const { port, faults, handler, service } = await serve(t)
  const script = 'EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@local.test>\r\nDATA\r\nabc\r\n.\r\nQUIT\r\n'
  for (let at = 1; at < script.length; at += 3) {
    const client = await Client.open(port)
    client.socket.write(script.slice(0, at))
    if (at % 2 === 0) await client.reply()
    client.socket.resetAndDestroy()
  }
  for (let i = 0; i < 20; i++) {
    const client = await Client.open(port)
    client.socket.write(Buffer.from(Array.from({ length: 500 }, (_, k) => (k * 7919 + i * 31) & 255)))
    client.socket.end()
  }
  const survivor = await Client.open(port)
  await survivor.reply()
  assert.equal(await survivor.ask('NOOP'), '250 2.0.0 Ok')
  await survivor.ask('QUIT')
  while (service.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(handler.disconnects.length, handler.sessions.length)
  assert.deepEqual(faults, [])
})

test('a client that closes its side behind QUIT hears every answer', async (t) => {
  const { port, handler } = await serve(t)
  const client = await Client.open(port)
  client.socket.end('HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@local.test>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n')
  for (const code of ['220', '250', '250', '250', '354', '250', '221']) {
    assert.equal((await client.reply()).slice(0, 3), code)
  }
  assert.equal(handler.mails[0]?.text, 'hi\r\n')
})

test('a client that sends without end and never reads costs bounded memory', async (t) => {
  const { port } = await serve(t, { options: { junkCommandLimit: 1e9 } })
  const client = await Client.open(port)
  await client.reply()
  client.socket.pause()
  const block = Buffer.from('NOOP\r\n'.repeat(20_000))
  let sent = 0
  while (sent < 100 && client.socket.writableLength < 1_000_000) {
    client.socket.write(block)
    sent++
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(sent < 100, 'the server stopped reading')
  client.socket.destroy()
})

test('close: idle clients hear 421, a message on its way is taken', async (t) => {
  const { port, service, handler } = await serve(t)
  const idle = await Client.open(port)
  await idle.reply()
  const busy = await Client.open(port)
  await busy.reply()
  await busy.ask('MAIL FROM:<a@b>')
  await busy.ask('RCPT TO:<x@local.test>')
  await busy.ask('DATA')
  const between = await Client.open(port)
  await between.reply()
  await between.ask('MAIL FROM:<a@b>')
  const closed = service.close('graceful', 5000)
  assert.equal(await idle.reply(), '421 4.3.2 mx.test Service shutting down')
  idle.socket.end()
  assert.equal(await between.reply(), '421 4.3.2 mx.test Service shutting down')
  between.socket.end()
  await assert.rejects(
    Client.open(port).then((client) => client.reply().then(() => Promise.reject(new Error('open')))),
  )
  assert.equal(await busy.ask('hi\r\n.'), '250 2.0.0 Ok: queued as ABC123')
  assert.equal(await busy.ask('NOOP'), '421 4.3.2 mx.test Service shutting down')
  busy.socket.end()
  await closed
  assert.equal(handler.mails.length, 1)
})

test('options change under living sessions', async (t) => {
  const { port, service } = await serve(t)
  const client = await Client.open(port)
  await client.reply()
  assert.match(await client.ask('EHLO c'), /250-SIZE 10240000/)
  service.setOptions({ hostname: 'mx.test', messageSizeLimitBytes: 5 })
  assert.match(await client.ask('EHLO c'), /250-SIZE 5\r\n/)
  assert.equal(await client.ask('MAIL FROM:<a@b> SIZE=6'), '552 5.3.4 Message size exceeds fixed limit')
})

test('a port in use is an error of listen', async (t) => {
  const { port, service } = await serve(t)
  await assert.rejects(service.listen({ service: 'mx', host: '127.0.0.1', port }), { code: 'EADDRINUSE' })
  const noTls = createSmtpService({
    handler: new RecordingHandler(),
    options: { hostname: 'x' },
    log: () => undefined,
  })
  await assert.rejects(noTls.listen({ service: 'submissions', port: 0 }), /no TLS certificate/)
})

test('PROXY protocol: the address it names is the client, in both versions, under TLS too', async (t) => {
  const v1 = Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 5555 25\r\n')
  const v2 = Buffer.from(
    '0d0a0d0a000d0a515549540a' + '2111000c' + 'cb007107' + 'c0000201' + '15b30019',
    'hex',
  )
  for (const [header, from] of [
    [v1, '127.0.0.1'],
    [v2, '127.0.0.0/8'],
    [Buffer.concat([v2, Buffer.from('NOOP\r\n')]), '*'],
  ] as const) {
    const { port, handler } = await serve(t, { options: { proxyProtocolFrom: [from] } })
    const client = await Client.open(port)
    for (const octet of header) client.socket.write(Buffer.from([octet]))
    assert.match(await client.reply(), /^220/)
    const { clientAddress, clientPort, localAddress, localPort } = handler.sessions[0] ?? assert.fail()
    assert.deepEqual(
      [clientAddress, clientPort, localAddress, localPort],
      ['203.0.113.7', 5555, '192.0.2.1', 25],
    )
    if (header.includes('NOOP')) assert.equal(await client.reply(), '250 2.0.0 Ok')
  }
  const options = { proxyProtocolFrom: ['127.0.0.1'] }
  const { port, handler } = await serve(t, { options, listen: { service: 'submissions' } })
  const socket = net.connect(port, '127.0.0.1')
  socket.write(v2)
  const client = new Client(tls.connect({ socket, rejectUnauthorized: false }))
  assert.match(await client.reply(), /^220/)
  assert.equal(handler.sessions[0]?.clientAddress, '203.0.113.7')
})

test('PROXY protocol: an upstream without its header is cut off, others need none', async (t) => {
  const { port, handler } = await serve(t, { options: { proxyProtocolFrom: ['127.0.0.1'] } })
  for (const octets of ['EHLO x\r\n', 'PROXY TCP4 x y 1 2\r\n', 'PROXY']) {
    const client = await Client.open(port)
    client.socket.end(octets)
    if (!client.closed) await once(client.socket, 'close')
  }
  assert.equal(handler.sessions.length, 0)
  const other = await serve(t, { options: { proxyProtocolFrom: ['192.0.2.0/24'] } })
  assert.match(await (await Client.open(other.port)).reply(), /^220/)
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

test('LMTP through a UNIX socket', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-lmtp-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'lmtp')
  const { handler } = await serve(t, {
    listen: { service: 'lmtp', path, host: undefined, port: undefined } as never,
  })
  const client = new Client(net.connect(path))
  assert.match(await client.reply(), /^220/)
  assert.match(await client.ask('LHLO c'), /^250-mx\.test/)
  assert.equal(handler.sessions[0]?.clientAddress, '127.0.0.1')
})

test('STRESS_README: while nearly all connections are taken, other limits hold', async (t) => {
  const options = { connections: 10, greetWaitMs: 0, stressed: { hardErrorLimit: 1 } }
  const { port, service } = await serve(t, { options })
  const clients: Client[] = []
  for (let i = 0; i < 8; i++) {
    const client = await Client.open(port)
    assert.match(await client.reply(), /^220/)
    clients.push(client)
  }
  const [first, second, ...others] = clients as [Client, Client, ...Client[]]
  assert.match(await first.ask('NONSENSE'), /^500/)
  assert.match(await first.ask('NOOP'), /^250/, 'no stress yet')
  assert.match(await (await Client.open(port)).reply(), /^220/, 'the ninth of ten')
  assert.match(await second.ask('NONSENSE'), /^500/)
  assert.match(await second.reply(), /^421 4\.7\.0 mx\.test Error: too many errors/)
  for (const { socket } of others) socket.destroy()
  while (service.connections > 3) await new Promise((resolve) => setTimeout(resolve, 5))
  const later = await Client.open(port)
  await later.reply()
  assert.match(await later.ask('NONSENSE'), /^500/)
  assert.match(await later.ask('NOOP'), /^250/, 'calm again')
})
