import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import * as tls from 'node:tls'
import { createSelfSigned, type PemPair } from '../../server/src/tls/self-signed.ts'
import { Admission } from './admission.ts'
import { ListenError } from './listener.ts'
import { closed, dial, expect, serve } from './testkit/connection-fixture.ts'
import { TlsCredentials } from './tls-credentials.ts'
import { Transcript } from './transcript.ts'

let pair: PemPair

before(async () => {
  pair = await createSelfSigned(['localhost'], Date.now())
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

test('a transcript has both sides, in the clear and under TLS, without the password', async () => {
  const lines: string[] = []
  const server = await serve({
    credentials: new TlsCredentials(pair),
    transcript: () => new Transcript(({ from, text }) => lines.push(`${from}: ${text}`)),
  })
  const client = dial(server.listener)
  await expect(client, 'hello')
  client.write('STARTTLS\r\n')
  await expect(client, 'go\r\n')
  const secure = tls.connect({ socket: client, rejectUnauthorized: false })
  await new Promise((resolve) => secure.once('secureConnect', resolve))
  secure.write('PASS hunter2\r\n')
  await expect(secure, 'PASS')
  assert.deepEqual(lines.slice(0, 4), [
    'server: hello',
    'client: STARTTLS',
    'server: go',
    'client: PASS <masked>',
  ])
})
