import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closed, dial, expect, serve } from './testkit/connection-fixture.ts'
import { TimerWheel } from './timer-wheel.ts'

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

test('a goodbye that the client never takes ends all the same', async () => {
  let nowMs = 0
  const wheel = new TimerWheel({ resolutionMs: 1000, now: () => nowMs })
  const { listener, session } = await serve({ wheel, stallTimeoutMs: 60_000 })
  const client = dial(listener)
  await expect(client, 'hello')
  client.pause()
  const { connection, over } = await session()
  // More than the kernel takes, less than asks the writer to wait for long.
  while (connection.backlogBytes === 0) {
    connection.write(Buffer.alloc(65_536))
    connection.flush()
  }
  connection.end()
  for (nowMs = 1000; nowMs < 200_000; nowMs += 1000) wheel.advance()
  assert.equal((await over.promise).reason, 'ended')
  assert.equal(wheel.size, 0)
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

test('a command that ends after its connection does not keep it until a deadline', async () => {
  const wheel = new TimerWheel({ now: () => 0 })
  const { listener, session } = await serve({ wheel })
  const client = dial(listener)
  await expect(client, 'hello')
  const { connection, over } = await session()
  client.destroy()
  await over.promise
  connection.setDeadline(1_800_000)
  assert.equal(wheel.size, 0)
})
