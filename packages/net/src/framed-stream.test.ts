import assert from 'node:assert/strict'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { FramedStream } from './framed-stream.ts'

/** Frames of one octet of length and so many octets. */
const frameLength = (received: Buffer): number | undefined => {
  const length = received[0]
  if (length === 0) throw new Error('a frame of nothing')
  return length === undefined || received.length < length + 1 ? undefined : length + 1
}

const servers: (() => void)[] = []
after(() => {
  for (const close of servers) close()
})

async function pair(onSocket: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    servers.push(() => socket.destroy())
    onSocket(socket)
  })
  servers.push(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const address = { kind: 'inet', host: '127.0.0.1', port } as const
  return FramedStream.open({ address, connectTimeoutMs: 5_000, frameLength })
}

test('frames come whole, whether they arrive together or an octet at a time', async () => {
  const sent = Buffer.from('\x03abc\x01d\x05efghi')
  for (const pieces of [[sent], [...sent].map((octet) => Buffer.from([octet]))]) {
    const stream = await pair((socket) => {
      for (const piece of pieces) socket.write(piece)
    })
    const frames = [await stream.read(5_000), await stream.read(5_000), await stream.read(5_000)]
    assert.deepEqual(frames.map(String), ['\x03abc', '\x01d', '\x05efghi'])
    stream.end()
  }
})

test('a frame that cannot be, silence, and an end are errors, and the stream is of no use after', async () => {
  const bad = await pair((socket) => void socket.write(Buffer.from([0])))
  await assert.rejects(bad.read(5_000), /a frame of nothing/)
  assert.equal(bad.usable, false)
  const silent = await pair(() => {})
  await assert.rejects(silent.read(30), /timed out/)
  await assert.rejects(silent.write(Buffer.from('x'), 30), /timed out/)
  const ended = await pair((socket) => void socket.end('\x02a'))
  await assert.rejects(ended.read(5_000), /connection closed/)
})

test('one that reads nothing does not hold the writer for ever', async () => {
  const stream = await pair((socket) => void socket.pause())
  const write = async () => {
    for (let i = 0; i < 1_000; i++) await stream.write(Buffer.alloc(1_000_000), 50)
  }
  await assert.rejects(write(), /timed out/)
})

test('nobody there', async () => {
  const address = { kind: 'unix', path: '/nonexistent/socket' } as const
  await assert.rejects(FramedStream.open({ address, connectTimeoutMs: 1_000, frameLength }), {
    code: 'ENOENT',
  })
})
