import assert from 'node:assert/strict'
import * as net from 'node:net'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { parseScript } from '../sessions/script.ts'
import { type ServerUnderTest, startForScript } from '../sessions/server-under-test.ts'

const script = parseScript(
  'messages: 5\nmessage: Subject: odd\\r\\n\\r\\n.\\r.\\n.\\0\\r\\n\n\nS: +OK\n',
  'pop3',
)
let server: ServerUnderTest

before(async () => {
  server = await startForScript(script)
})

after(async () => {
  await server.close()
})

/** Everything the server says to these octets, sent in these pieces, until it closes. */
function talk(pieces: readonly Buffer[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    const socket = net.connect({ host: '127.0.0.1', port: server.ports.pop3!, noDelay: true })
    socket.setTimeout(10_000, () =>
      reject(new Error(`the server hangs after ${JSON.stringify(said.slice(-200))}`)),
    )
    socket.on('data', (chunk) => {
      said += chunk.toString('latin1')
      // What came in the clear is dropped, and the server waits for a handshake that is not ours to make.
      if (said.endsWith('Begin TLS negotiation now.\r\n')) socket.destroy()
    })
    // A reset is an answer, too: the server has closed on what was still being sent.
    socket.on('error', () => {})
    socket.on('close', () => {
      socket.setTimeout(0)
      resolve(said)
    })
    for (const piece of pieces) socket.write(piece)
    socket.end()
  })
}

const words = [
  'USER alice',
  'PASS secret',
  'AUTH PLAIN',
  'AUTH PLAIN AGFsaWNlAHNlY3JldA==',
  'AUTH LOGIN',
  '*',
  'STAT',
  'LIST',
  'UIDL',
  'RETR 1',
  'RETR 6',
  'TOP 6 1',
  'TOP 1 99',
  'DELE 1',
  'RSET',
  'NOOP',
  'CAPA',
  'UTF8',
  'STLS',
  'LIST 4294967296',
  'RETR -1',
  'FOO',
]

const line = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...words).map((word) => Buffer.from(`${word}\r\n`)) },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 40 }).map((octets) => Buffer.concat([octets, Buffer.from('\r\n')])),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...words), fc.nat(20), fc.nat(255)).map(([word, at, octet]) => {
      const bytes = Buffer.from(`${word}\r\n`)
      bytes[at % bytes.length] = octet
      return bytes
    }),
  },
)

test('fuzz: whatever is sent, the server answers in lines, closes, deletes nothing, and serves the next', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 25 }), async (pieces) => {
      const login = Buffer.from('USER alice\r\nPASS secret\r\n')
      const said = await talk(pieces.length % 2 === 0 ? [login, ...pieces] : pieces)
      assert.match(said, /^\+OK Posthorn ready\.\r\n/)
      assert.ok(!/\r(?!\n)|(?<!\r)\n/.test(said), 'a bare CR or LF was sent')
      assert.deepEqual(server.faults, [])
      const next = await talk([Buffer.from('USER alice\r\nPASS secret\r\nSTAT\r\nQUIT\r\n')])
      assert.match(
        next,
        /^\+OK Posthorn ready\.\r\n\+OK\r\n\+OK Logged in\.\r\n\+OK 6 \d+\r\n\+OK Logging out\.\r\n$/,
      )
    }),
    { numRuns: 300 },
  )
})
