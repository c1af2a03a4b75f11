import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import * as net from 'node:net'
import { before, type TestContext, test } from 'node:test'
import * as tls from 'node:tls'
import { createSelfSigned, type PemPair } from '../../server/src/tls/self-signed.ts'
import { letGo, readDirectly } from './direct-reading.ts'
import { closed, dial, type Echo, expect, type Server, serve } from './testkit/connection-fixture.ts'
import { TlsCredentials } from './tls-credentials.ts'

let pair: PemPair

before(async () => {
  pair = await createSelfSigned(['localhost'], Date.now())
})

/** A client whose connection is read directly. */
async function direct(server: Server): Promise<{ client: net.Socket; echo: Echo }> {
  const client = dial(server.listener)
  await expect(client, 'hello')
  const echo = await server.session()
  echo.connection.readDirectly()
  return { client, echo }
}

/** Both ends of a connection that nothing has been read from. */
async function acceptedPaused(t: TestContext): Promise<{ client: net.Socket; socket: net.Socket }> {
  const server = net.createServer({ pauseOnConnect: true })
  t.after(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const accepted = new Promise<net.Socket>((resolve) => server.once('connection', resolve))
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  const socket = await accepted
  t.after(() => {
    client.destroy()
    socket.destroy()
  })
  return { client, socket }
}

const until = async (isDone: () => boolean): Promise<void> => {
  while (!isDone()) await new Promise(setImmediate)
}

test('this Node can read directly; a socket in whose stream something waits goes on with the stream', async (t) => {
  const { client, socket } = await acceptedPaused(t)
  assert.equal(
    readDirectly(socket, () => {}),
    'stream',
    'it is paused',
  )
  socket.resume()
  const got: Buffer[] = []
  assert.equal(
    readDirectly(socket, (octets) => got.push(octets)),
    'direct',
  )
  assert.equal(
    readDirectly(socket, () => {}),
    'stream',
    'it is read directly already',
  )
  client.write('first')
  await until(() => got.length === 1)
  client.write('second')
  await until(() => got.length === 2)
  assert.equal(Buffer.concat(got).toString(), 'firstsecond', 'each has memory of its own')
  client.destroy()
  socket.destroy()
})

test('read directly: octets come in their order, whatever their number', async () => {
  const server = await serve()
  const { client, echo } = await direct(server)
  const sent = Buffer.from(Array.from({ length: 400_000 }, (_, at) => `${at % 10}`).join(''))
  let back = 0
  const whole: Buffer[] = []
  client.on('data', (chunk: Buffer) => {
    whole.push(chunk)
    back += chunk.length
  })
  for (const octet of 'one by one') {
    client.write(octet)
    const want = back + 1
    await until(() => back >= want)
  }
  client.write(sent)
  await until(() => back === sent.length + 10)
  assert.ok(Buffer.concat(whole).subarray(10).equals(sent))
  assert.equal(echo.connection.receivedBytes, sent.length + 10)
  client.end()
  assert.deepEqual(await echo.over.promise, { reason: 'ended', error: undefined })
  assert.equal(echo.ends, 1)
})

test('read directly: nothing comes between pause and resume', async () => {
  const server = await serve()
  const { client, echo } = await direct(server)
  echo.connection.pause()
  const written = new Promise<void>((resolve) => client.write('x'.repeat(200_000), () => resolve()))
  const other = dial(server.listener)
  await expect(other, 'hello')
  await Promise.race([written, expect(dial(server.listener), 'hello')])
  assert.equal(echo.connection.receivedBytes, 0)
  echo.connection.resume()
  await until(() => echo.connection.receivedBytes === 200_000)
  client.destroy()
  await echo.over.promise
})

test('read directly: a fault of the session and RST end that connection alone', async () => {
  const server = await serve()
  const first = await direct(server)
  const second = await direct(server)
  const third = await direct(server)
  first.client.write('THROW')
  await closed(first.client)
  assert.equal(server.faults.length, 1)
  second.client.resetAndDestroy()
  await second.echo.over.promise
  third.client.write('here\r\n')
  await expect(third.client, 'here')
  third.client.write('QUIT\r\n')
  await expect(third.client, 'bye')
  third.client.end()
  await third.echo.over.promise
})

test('read directly: TLS can begin all the same', async () => {
  const server = await serve({ credentials: new TlsCredentials(pair) })
  const { client, echo } = await direct(server)
  client.write('STARTTLS\r\n')
  await expect(client, 'go\r\n')
  const secure = tls.connect({ socket: client, rejectUnauthorized: false })
  await new Promise((resolve) => secure.once('secureConnect', resolve))
  const before = echo.got.length
  secure.write('inside\r\n')
  await expect(secure, 'inside')
  assert.deepEqual(echo.got.slice(before), ['inside\r\n'])
  assert.equal(echo.connection.secure?.protocol, 'TLSv1.3')
  secure.destroy()
  await echo.over.promise
})

test('octets that are used up before `take` returns are not copied for it; others are', async (t) => {
  const { client, socket } = await acceptedPaused(t)
  const kept: Buffer[] = []
  const rooms = new Set<ArrayBufferLike>()
  const digest = createHash('sha256')
  let lentBytes = 0
  socket.resume()
  readDirectly(
    socket,
    (octets) => {
      if (kept.length === 0) {
        kept.push(octets)
        return
      }
      rooms.add(octets.buffer)
      digest.update(octets)
      lentBytes += octets.length
    },
    () => kept.length > 0,
  )
  client.write('kept')
  await until(() => kept.length === 1)
  const sent = Buffer.alloc(3_000_000, 'abc\r\n')
  client.write(sent)
  await until(() => lentBytes === sent.length)
  assert.equal(rooms.size, 1, 'all of it lies in the one room')
  assert.ok(!rooms.has(kept[0]!.buffer))
  assert.equal(kept[0]?.toString(), 'kept')
  assert.equal(digest.digest('hex'), createHash('sha256').update(sent).digest('hex'))
})

test('a closed socket that was let go leads to nobody: no listener, no reader', async (t) => {
  const { client, socket } = await acceptedPaused(t)
  socket.resume()
  const read = { take: (_octets: Buffer) => {} }
  assert.equal(
    readDirectly(socket, (octets) => read.take(octets)),
    'direct',
  )
  socket.on('error', () => {})
  const gone = new Promise((resolve) => socket.once('close', resolve))
  socket.on('close', () => letGo(socket))
  client.destroy()
  socket.destroy()
  await gone
  assert.deepEqual(socket.eventNames(), [])
  const functions = Object.getOwnPropertySymbols(socket)
    .filter((each) => ['kBufferCb', 'kBufferGen'].includes(each.description ?? ''))
    .map((each) => (socket as unknown as Record<symbol, unknown>)[each])
  assert.deepEqual(functions, [null, null])
})
