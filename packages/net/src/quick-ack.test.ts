import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { type TestContext, test } from 'node:test'
import { acknowledge } from './quick-ack.ts'

const rounds = 30

/** Answers each pair of octets, and acknowledges half of one or does not; ms for a pair, the best of ten. */
async function pairMs(t: TestContext, then: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer((socket) => {
    let odd = false
    socket.on('data', (octets) => {
      odd = octets.length % 2 === 1 ? !odd : odd
      if (odd) then(socket)
      else socket.write('ok')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  t.after(() => {
    client.destroy()
    server.close()
  })
  await once(client, 'connect')
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const startMs = performance.now()
    // Two packets: Nagle's algorithm keeps the second until the first is acknowledged.
    client.write('a')
    client.write('b')
    await once(client, 'data')
    times.push(performance.now() - startMs)
  }
  return times.sort((a, b) => a - b)[10]!
}

test('RFC 1122 §4.2.3.2: who writes in pieces does not wait for an acknowledgement that is delayed', async (t) => {
  const delayedMs = await pairMs(t, () => undefined)
  if (process.platform !== 'linux' || delayedMs < 30) {
    t.skip('acknowledgements are not delayed here')
    return
  }
  const promptMs = await pairMs(t, acknowledge)
  assert.ok(promptMs < delayedMs / 2, `${promptMs} ms, and ${delayedMs} ms without`)
})

test('a socket that is closed, or none of TCP, is no fault', async () => {
  const socket = new net.Socket()
  acknowledge(socket)
  socket.destroy()
  acknowledge(socket)
  const path = `\0quick-ack-${process.pid}`
  const server = net.createServer().listen(path)
  await once(server, 'listening')
  const client = net.connect(path)
  await once(client, 'connect')
  acknowledge(client)
  client.destroy()
  server.close()
  await once(server, 'close')
})
