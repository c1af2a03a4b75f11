import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import { askTimeServer } from './network-time.ts'

/** A time server whose clock is `aheadMs` before ours; `spoil` changes its answer. */
async function timeServer(aheadMs: number, spoil: (answer: Buffer) => void = () => undefined) {
  const socket = createSocket('udp4')
  socket.on('message', (question, from) => {
    const answer = Buffer.alloc(48)
    answer[0] = 0x24
    answer[1] = 2
    question.copy(answer, 24, 40, 48)
    const seconds = (Date.now() + aheadMs) / 1000 + 2_208_988_800
    for (const at of [32, 40]) {
      answer.writeUInt32BE(Math.floor(seconds), at)
      answer.writeUInt32BE(Math.floor((seconds % 1) * 2 ** 32) >>> 0, at + 4)
    }
    spoil(answer)
    socket.send(answer, from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  return { at: { host: '127.0.0.1', port, timeoutMs: 20_000 }, close: () => socket.close() }
}

test('RFC 4330 §5: the offset of our clock', async () => {
  const server = await timeServer(90_000)
  const answer = await askTimeServer(server.at)
  assert.ok(answer.kind === 'offset' && Math.abs(answer.offsetMs - 90_000) < 5_000, JSON.stringify(answer))
  server.close()
})

test('answers to other questions, and of servers without the time, are none', async () => {
  for (const spoil of [
    (answer: Buffer) => answer.writeUInt8(0, 1),
    (answer: Buffer) => answer.writeUInt8(0x23, 0),
    (answer: Buffer) => answer.writeUInt8((answer[30] ?? 0) ^ 1, 30),
  ]) {
    const server = await timeServer(0, spoil)
    assert.deepEqual(await askTimeServer({ ...server.at, timeoutMs: 100 }), {
      kind: 'unreachable',
      reason: 'no answer in 100 ms',
    })
    server.close()
  }
})
