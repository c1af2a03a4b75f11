import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { LineExchange } from './line-exchange.ts'

async function withPeer(
  serve: (socket: Socket) => void,
  run: (port: number) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    serve(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  try {
    await run((server.address() as AddressInfo).port)
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
}

const at = (port: number, timeoutMs = 30_000) => ({ host: '127.0.0.1', port, timeoutMs })

test('an answer ends with the line that was waited for, however it is cut', async () => {
  const answer = `* 1 FETCH {9}\r\nw1 OK no\r\n ${'x'.repeat(5_000)})\r\nw1 OK done\r\n`
  const pieces = (socket: Socket): void => {
    for (const octet of answer) socket.write(octet)
  }
  await withPeer(
    (socket) => socket.on('data', () => pieces(socket)),
    async (port) => {
      const client = await LineExchange.open(at(port))
      await client.ask('w1 FETCH 1 (BODY[])\r\n', 'w1 OK done')
      await client.ask('w1 FETCH 1 (BODY[])\r\n', 'w1 OK done')
      client.close()
    },
  )
})

test('a greeting is waited for without a question', async () => {
  await withPeer(
    (socket) => socket.write('220-first\r\n220 ready\r\n'),
    async (port) => {
      const client = await LineExchange.open(at(port))
      await client.ask('', '220 ')
      client.close()
    },
  )
})

test('silence, an end and a refused connection reject', async () => {
  await withPeer(
    () => {},
    async (port) => {
      const client = await LineExchange.open(at(port, 50))
      await assert.rejects(client.ask('NOOP\r\n', '250 '), /no answer in 50 ms/)
      await assert.rejects(client.ask('NOOP\r\n', '250 '), /no answer in 50 ms/)
    },
  )
  let closedPort = 0
  await withPeer(
    (socket) => socket.end(),
    async (port) => {
      closedPort = port
      const client = await LineExchange.open(at(port))
      await assert.rejects(client.ask('NOOP\r\n', '250 '), /connection closed|EPIPE|ECONNRESET/)
    },
  )
  await assert.rejects(LineExchange.open(at(closedPort)), /ECONNREFUSED/)
})
