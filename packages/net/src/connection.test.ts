import assert from 'node:assert/strict'
import * as net from 'node:net'
import { after, before, test } from 'node:test'
import * as tls from 'node:tls'
import { createSelfSigned } from '../../server/src/tls/self-signed.ts'
import { Admission } from './admission.ts'
import type { CloseReason, Connection, ConnectionHandler } from './connection.ts'
import { ListenError, type Listener, type ListenOptions, listen } from './listener.ts'
import { TimerWheel } from './timer-wheel.ts'
import { TlsCredentials, TlsSettingsError } from './tls-credentials.ts'

let pair: { readonly key: string; readonly cert: string }
let other: { readonly key: string; readonly cert: string }
const opened: (Listener | net.Socket)[] = []

before(async () => {
  pair = await createSelfSigned(['localhost'], Date.now())
  other = await createSelfSigned(['other.test'], Date.now())
})

after(async () => {
  for (const one of opened) {
    if (one instanceof net.Socket) one.destroy()
    else await one.close()
  }
})

/** A session that echoes lines and does a little on request. */
class Echo implements ConnectionHandler {
  readonly connection: Connection
  readonly got: string[] = []
  ends = 0
  readonly over = Promise.withResolvers<{ reason: CloseReason; error: Error | undefined }>()
  credentials: TlsCredentials | undefined

  constructor(connection: Connection) {
    this.connection = connection
    connection.attach(this)
    connection.write('hello\r\n')
  }

  bytes(chunk: Buffer): void {
    const text = chunk.toString('latin1')
    this.got.push(text)
    if (text.startsWith('THROW')) throw new Error('session fault')
    if (text.startsWith('QUIT')) {
      this.connection.write('bye\r\n')
      this.connection.end()
    } else if (text.startsWith('STARTTLS')) void this.connection.startTls('go\r\n', this.credentials!)
    else this.connection.write(chunk)
  }

  ended(): void {
    this.ends++
    this.connection.end()
  }

  closed(reason: CloseReason, error: Error | undefined): void {
    this.over.resolve({ reason, error })
  }
}

interface Server {
  readonly listener: Listener
  readonly faults: unknown[]
  readonly failed: (Error | undefined)[]
  session(): Promise<Echo>
}

async function serve(
  options: Partial<ListenOptions> & { credentials?: TlsCredentials } = {},
): Promise<Server> {
  const faults: unknown[] = []
  const failed: (Error | undefined)[] = []
  const sessions: Echo[] = []
  const waiting: ((session: Echo) => void)[] = []
  const { credentials, ...rest } = options
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    onFault: (error) => faults.push(error),
    onHandshakeFailed: (_, error) => failed.push(error),
    onConnection(connection) {
      const session = new Echo(connection)
      session.credentials = credentials
      const next = waiting.shift()
      if (next === undefined) sessions.push(session)
      else next(session)
    },
    ...rest,
  })
  opened.push(listener)
  const session = (): Promise<Echo> => {
    const ready = sessions.shift()
    return ready === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(ready)
  }
  return { listener, faults, failed, session }
}

function dial(listener: Listener): net.Socket {
  const socket = net.connect({ host: '127.0.0.1', port: listener.port, noDelay: true })
  socket.on('error', () => {})
  opened.push(socket)
  return socket
}

/** Reads until `text` has come. */
function expect(socket: net.Socket, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = ''
    const onData = (chunk: Buffer): void => {
      seen += chunk.toString('latin1')
      if (!seen.includes(text)) return
      socket.removeListener('data', onData)
      socket.removeListener('close', onClose)
      resolve(seen)
    }
    const onClose = (): void =>
      reject(new Error(`closed before ${JSON.stringify(text)}: ${JSON.stringify(seen)}`))
    socket.on('data', onData)
    socket.on('close', onClose)
  })
}

const closed = (socket: net.Socket): Promise<void> =>
  socket.destroyed ? Promise.resolve() : new Promise((resolve) => socket.once('close', () => resolve()))

test('octets go in and out, and both sides are named', async () => {
  const { listener, session } = await serve()
  const client = dial(listener)
  await expect(client, 'hello\r\n')
  client.write('ping\r\n')
  await expect(client, 'ping\r\n')
  const { connection, over } = await session()
  assert.equal(connection.remoteAddress, '127.0.0.1')
  assert.equal(connection.remotePort, client.localPort)
  assert.equal(connection.localPort, listener.port)
  assert.equal(connection.receivedBytes, 6)
  assert.equal(connection.sentBytes, 13)
  client.write('QUIT\r\n')
  await expect(client, 'bye\r\n')
  client.end()
  assert.deepEqual(await over.promise, { reason: 'ended', error: undefined })
  assert.equal(listener.connections.size, 0)
})

test('an IPv4 client of a dual-stack socket has an IPv4 address', async (t) => {
  const server = await serve({ host: '::' }).catch(() => undefined)
  if (server === undefined) return t.skip('no IPv6 here')
  const client = dial(server.listener)
  await expect(client, 'hello')
  const { connection } = await server.session()
  assert.equal(connection.remoteAddress, '127.0.0.1')
})

test('a port in use is named with a remedy', async () => {
  const { listener } = await serve()
  await assert.rejects(serve({ port: listener.port }), (error) => {
    assert.ok(error instanceof ListenError)
    assert.equal(error.code, 'EADDRINUSE')
    assert.match(
      error.message,
      new RegExp(`^Cannot listen on 127\\.0\\.0\\.1:${listener.port}: the port is in use; `),
    )
    return true
  })
  await assert.rejects(
    serve({ host: '192.0.2.77' }),
    /no interface has this address; correct inet_interfaces/,
  )
})

test('replies written in one turn leave in one packet', async () => {
  const { listener, session } = await serve()
  const client = dial(listener)
  await expect(client, 'hello')
  const { connection } = await session()
  const chunks: string[] = []
  client.on('data', (chunk) => chunks.push(chunk.toString()))
  for (let i = 0; i < 100; i++)
    connection.write(i % 2 === 0 ? `text ${i}\r\n` : Buffer.from(`octets ${i}\r\n`))
  await expect(client, 'octets 99')
  assert.equal(chunks.length, 1)
  connection.hold()
  connection.write('one ')
  await new Promise(setImmediate)
  connection.write('two')
  await new Promise(setImmediate)
  assert.equal(chunks.length, 1, 'held')
  connection.release()
  await expect(client, 'one two')
})

test('a writer is asked to wait while the client does not read, and goes on when it does', async () => {
  const { listener, session } = await serve()
  const client = dial(listener)
  await expect(client, 'hello')
  client.pause()
  const { connection } = await session()
  const piece = Buffer.alloc(65_536, 0x61)
  let written = 0
  while (connection.drained === undefined && written < 1000) {
    connection.write(piece)
    written++
  }
  assert.ok(written < 1000, 'back-pressure comes')
  assert.ok(connection.backlogBytes < 1_000_000, 'and bounds what waits')
  const wait = connection.drained
  let received = 0
  client.on('data', (chunk) => {
    received += chunk.length
  })
  client.resume()
  await wait
  assert.equal(connection.drained, undefined)
  connection.end()
  await closed(client)
  assert.equal(received, written * piece.length)
})

test('a client that never reads is cut off, and its writer is released', async () => {
  let nowMs = 0
  const wheel = new TimerWheel({ resolutionMs: 1000, now: () => nowMs })
  const { listener, session } = await serve({ wheel, stallTimeoutMs: 60_000 })
  const client = dial(listener)
  await expect(client, 'hello')
  client.pause()
  const { connection, over } = await session()
  while (connection.drained === undefined) connection.write(Buffer.alloc(65_536))
  const wait = connection.drained
  // Whatever the kernel still takes counts as progress once.
  for (nowMs = 1000; nowMs < 200_000; nowMs += 1000) wheel.advance()
  await wait
  assert.equal((await over.promise).reason, 'stalled')
})

test('a deadline ends the connection, and each new one postpones it', async () => {
  let nowMs = 0
  const wheel = new TimerWheel({ resolutionMs: 1000, now: () => nowMs })
  const { listener, session } = await serve({ wheel })
  const client = dial(listener)
  await expect(client, 'hello')
  const { connection, over } = await session()
  connection.setDeadline(10_000)
  nowMs = 8000
  wheel.advance()
  connection.setDeadline(10_000)
  nowMs = 13_000
  wheel.advance()
  assert.ok(connection.open)
  nowMs = 20_000
  wheel.advance()
  assert.equal((await over.promise).reason, 'timeout')
})

test('RST at any time ends a session and nothing else', async () => {
  const { listener, session, faults } = await serve()
  for (const say of ['', 'x', 'QUIT\r\n']) {
    const client = dial(listener)
    await expect(client, 'hello')
    if (say !== '') client.write(say)
    client.resetAndDestroy()
    await (await session()).over.promise
  }
  const client = dial(listener)
  await expect(client, 'hello')
  assert.deepEqual(faults, [])
})

test('an exception in a session is reported and ends that session alone', async () => {
  const { listener, session, faults } = await serve()
  const client = dial(listener)
  await expect(client, 'hello')
  client.write('THROW\r\n')
  await closed(client)
  assert.equal((await (await session()).over.promise).reason, 'fault')
  assert.match(String(faults[0]), /session fault/)
})

test('a client that closes its side first still gets its answer', async () => {
  const { listener, session } = await serve()
  const client = dial(listener)
  client.end('last words\r\n')
  assert.match(await expect(client, 'last words'), /hello/)
  const echo = await session()
  await echo.over.promise
  assert.equal(echo.ends, 1)
})

test('STARTTLS: what was sent in the clear behind the command is dropped (CVE-2011-0411)', async () => {
  for (const injected of ['EVIL\r\n', 'EVIL without an end', 'E'.repeat(100_000)]) {
    const { listener, session, failed } = await serve({ credentials: new TlsCredentials(pair) })
    const client = dial(listener)
    await expect(client, 'hello')
    client.write('STARTTLS\r\n')
    await expect(client, 'go\r\n')
    const echo = await session()
    assert.ok(echo.connection.secure === undefined)
    const secure = tls.connect({ socket: client, rejectUnauthorized: false })
    await new Promise((resolve) => secure.once('secureConnect', resolve))
    secure.write('inside\r\n')
    await expect(secure, 'inside')
    const facts = (echo.connection as Connection).secure
    assert.deepEqual([facts?.protocol, facts?.bits], ['TLSv1.3', 256])
    assert.deepEqual(failed, [])
    client.destroy()
    // The same with more in the packet: the session's handler may see it with the command, never after.
    const second = dial(listener)
    await expect(second, 'hello')
    second.write(`STARTTLS\r\n${injected}`)
    await expect(second, 'go\r\n')
    const other = await session()
    const inside = tls.connect({ socket: second, rejectUnauthorized: false })
    inside.on('error', () => {})
    await Promise.race([new Promise((resolve) => inside.once('secureConnect', resolve)), closed(second)])
    if (!second.destroyed) {
      inside.write('inside\r\n')
      await expect(inside, 'inside')
    }
    assert.ok(
      !other.got.slice(1).some((text) => text.includes('E') && !text.includes('inside')),
      other.got.join('|'),
    )
  }
})

test('STARTTLS: text instead of a handshake ends the connection', async () => {
  const { listener, session } = await serve({ credentials: new TlsCredentials(pair) })
  const client = dial(listener)
  await expect(client, 'hello')
  client.write('STARTTLS\r\n')
  await expect(client, 'go')
  client.write('NOOP\r\n')
  const echo = await session()
  assert.equal((await echo.over.promise).reason, 'tls-failed')
  assert.equal(echo.got.length, 1)
})

test('implicit TLS, with ALPN and resumption', async () => {
  const { listener, session } = await serve({
    implicitTls: new TlsCredentials(pair),
    alpnProtocols: ['pop3'],
  })
  const connect = (options: tls.ConnectionOptions): tls.TLSSocket => {
    const socket = tls.connect({
      host: '127.0.0.1',
      port: listener.port,
      rejectUnauthorized: false,
      ...options,
    })
    socket.on('error', () => {})
    opened.push(socket)
    return socket
  }
  const first = connect({ ALPNProtocols: ['pop3'], servername: 'localhost' })
  const ticket = new Promise<Buffer>((resolve) => first.once('session', resolve))
  await expect(first, 'hello')
  const facts = (await session()).connection.secure
  assert.equal(facts?.alpnProtocol, 'pop3')
  assert.equal(facts?.serverName, 'localhost')
  assert.equal(facts?.resumed, false)
  const again = connect({ session: await ticket, servername: 'localhost' })
  await expect(again, 'hello')
  assert.equal((await session()).connection.secure?.resumed, true)
  const http = connect({ ALPNProtocols: ['h2', 'http/1.1'] })
  await closed(http)
  assert.equal(http.alpnProtocol, null)
  const silent = connect({})
  await expect(silent, 'hello')
})

test('half-open handshakes time out and are limited', async () => {
  let nowMs = 0
  const wheel = new TimerWheel({ resolutionMs: 1000, now: () => nowMs })
  const admission = new Admission({ connections: 100, connectionsPerAddress: 100, handshakes: 2 })
  const server = await serve({
    wheel,
    admission,
    implicitTls: new TlsCredentials(pair),
    handshakeTimeoutMs: 10_000,
  })
  const first = dial(server.listener)
  const second = dial(server.listener)
  await Promise.all(
    [first, second].map((socket) => new Promise((resolve) => socket.once('connect', resolve))),
  )
  const third = dial(server.listener)
  await Promise.race([closed(first), closed(second)])
  while (server.failed.length === 0) await new Promise(setImmediate)
  assert.equal(admission.handshakes, 2, 'the oldest made room')
  nowMs = 12_000
  wheel.advance()
  await Promise.all([closed(first), closed(second), closed(third)])
  while (admission.connections > 0) await new Promise(setImmediate)
  assert.equal(server.failed.length, 3)
  const good = tls.connect({ host: '127.0.0.1', port: server.listener.port, rejectUnauthorized: false })
  opened.push(good)
  await expect(good, 'hello')
})

test('limits: of one address, and the oldest stranger makes room for a newcomer', async () => {
  const admission = new Admission({ connections: 2, connectionsPerAddress: 10, handshakes: 10 })
  const refusals: string[] = []
  const server = await serve({
    admission,
    refusal: (refusal) => `-ERR ${refusal}\r\n`,
    onRefused: (_, refusal) => refusals.push(refusal),
  })
  const first = dial(server.listener)
  await expect(first, 'hello')
  const echo = await server.session()
  const second = dial(server.listener)
  await expect(second, 'hello')
  const third = dial(server.listener)
  await expect(third, 'hello')
  assert.equal((await echo.over.promise).reason, 'crowded-out')
  await server.session().then(({ connection }) => connection.authenticated())
  await server.session().then(({ connection }) => connection.authenticated())
  const fourth = dial(server.listener)
  await expect(fourth, '-ERR too-many-connections\r\n')
  await closed(fourth)
  admission.setLimits({ connections: 10, connectionsPerAddress: 2, handshakes: 10 })
  const fifth = dial(server.listener)
  await expect(fifth, '-ERR too-many-connections-from-address\r\n')
  second.destroy()
  await closed(second)
  assert.deepEqual(refusals, ['too-many-connections', 'too-many-connections-from-address'])
})

test('PROXY protocol: the client is who the upstream says, octet by octet, plain and under TLS', async () => {
  const plain = await serve({ proxyFrom: (address) => address === '127.0.0.1' })
  const client = dial(plain.listener)
  for (const octet of 'PROXY TCP4 192.0.2.9 198.51.100.1 4711 110\r\nping\r\n') {
    client.write(octet)
    await new Promise(setImmediate)
  }
  await expect(client, 'p')
  const { connection } = await plain.session()
  assert.equal(`${connection.remoteAddress}:${connection.remotePort}`, '192.0.2.9:4711')
  assert.equal(`${connection.localAddress}:${connection.localPort}`, '198.51.100.1:110')
  const liar = dial(plain.listener)
  liar.write('USER alice\r\n')
  await closed(liar)
  assert.match(String(plain.failed[0]), /Bad PROXY header from 127\.0\.0\.1: no PROXY header/)
  const secured = await serve({ proxyFrom: () => true, implicitTls: new TlsCredentials(pair) })
  const raw = dial(secured.listener)
  raw.write('PROXY TCP4 192.0.2.9 198.51.100.1 4711 995\r\n')
  const inside = tls.connect({ socket: raw, rejectUnauthorized: false })
  await expect(inside, 'hello')
  assert.equal((await secured.session()).connection.remoteAddress, '192.0.2.9')
})

test('certificates: replaced for new handshakes, chosen by name, wrong ones refused whole', async () => {
  const credentials = new TlsCredentials(pair)
  const { listener } = await serve({ implicitTls: credentials })
  const names = async (servername: string): Promise<string> => {
    const socket = tls.connect({
      host: '127.0.0.1',
      port: listener.port,
      rejectUnauthorized: false,
      servername,
    })
    opened.push(socket)
    await expect(socket, 'hello')
    return String(socket.getPeerCertificate().subject.CN)
  }
  assert.equal(await names('localhost'), 'localhost')
  credentials.replace({ ...pair, byName: { '*.test': other } })
  assert.equal(await names('mail.test'), 'other.test')
  assert.equal(await names('localhost'), 'localhost')
  assert.throws(() => credentials.replace({ cert: pair.cert, key: other.key }), TlsSettingsError)
  assert.throws(() => new TlsCredentials({ cert: '', key: '' }), TlsSettingsError)
  assert.equal(await names('mail.test'), 'other.test')
  credentials.replace(other)
  assert.equal(await names('localhost'), 'other.test')
})

test('stop lets connections live, close breaks them', async () => {
  const { listener, session } = await serve()
  const client = dial(listener)
  await expect(client, 'hello')
  await listener.stop()
  client.write('still here')
  await expect(client, 'still here')
  const late = dial(listener)
  await closed(late)
  await listener.close()
  assert.equal((await (await session()).over.promise).reason, 'shutdown')
})
