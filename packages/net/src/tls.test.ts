import assert from 'node:assert/strict'
import * as net from 'node:net'
import { before, test } from 'node:test'
import * as tls from 'node:tls'
import { createSelfSigned, type PemPair } from '../../server/src/tls/self-signed.ts'
import { Admission } from './admission.ts'
import type { Connection } from './connection.ts'
import { closed, dial, expect, opened, serve } from './testkit/connection-fixture.ts'
import { TimerWheel } from './timer-wheel.ts'
import { TlsCredentials, TlsSettingsError } from './tls-credentials.ts'
import { secureSocket } from './tls-upgrade.ts'

let pair: PemPair
let other: PemPair

before(async () => {
  pair = await createSelfSigned(['localhost'], Date.now())
  other = await createSelfSigned(['other.test'], Date.now())
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

test('a FIN before or in the handshake ends the connection at once', async () => {
  const credentials = new TlsCredentials(pair)
  // A timeout would end it too, an hour later.
  const timeouts = { handshakeTimeoutMs: 3_600_000 }
  for (const sent of ['STARTTLS\r\n', 'STARTTLS\r\nNOOP\r\n']) {
    const { listener, session } = await serve({ credentials, ...timeouts })
    dial(listener).end(sent)
    assert.equal((await (await session()).over.promise).reason, 'tls-failed')
  }
  for (const started of ['', '\x16', '\x16\x03\x01\x02\x00\x01']) {
    const { listener, session } = await serve({ credentials, ...timeouts })
    const client = dial(listener)
    client.write('STARTTLS\r\n')
    await expect(client, 'go')
    client.end(Buffer.from(started, 'latin1'))
    assert.equal((await (await session()).over.promise).reason, 'tls-failed')
  }
  for (const started of ['', '\x16\x03\x01']) {
    const { listener, failed } = await serve({ implicitTls: credentials, ...timeouts })
    const client = dial(listener)
    client.end(Buffer.from(started, 'latin1'))
    await closed(client)
    assert.equal(failed.length, 1)
  }
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

test('RFC 8446 §4.6.1: session tickets go out before the first octets', async () => {
  const { listener } = await serve({ implicitTls: new TlsCredentials(pair) })
  const client = tls.connect({ host: '127.0.0.1', port: listener.port, rejectUnauthorized: false })
  opened.push(client)
  const seen: string[] = []
  client.on('session', () => seen.push('ticket'))
  client.on('data', () => seen.push('text'))
  await expect(client, 'hello')
  assert.equal(seen[0], 'ticket')
  assert.equal(seen.at(-1), 'text')
})

test('a connection keeps the octets of its ALPN names and no memory beside them', () => {
  const below = new net.Socket()
  const secure = secureSocket(below, new TlsCredentials(pair), ['imap', 'smtp'])
  const { ALPNProtocols: kept } = Reflect.get(secure, '_tlsOptions') as { ALPNProtocols: Buffer }
  assert.equal(kept.toString('latin1'), '\x04imap\x04smtp')
  assert.equal(kept.buffer.byteLength, kept.length)
  secure.destroy()
  below.destroy()
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
