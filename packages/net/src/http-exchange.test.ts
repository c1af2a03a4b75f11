import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createPlainServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { createHttpClient } from './http-exchange.ts'

async function withServer(listener: Parameters<typeof createServer>[1], run: (url: URL) => Promise<void>) {
  const server: Server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await run(new URL(`http://localhost:${(server.address() as AddressInfo).port}/a?b=c`))
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

test('a question and its answer, whatever its status', async () => {
  const heard: unknown[] = []
  await withServer(
    async (request, response) => {
      let body = ''
      for await (const piece of request) body += String(piece)
      heard.push([
        request.method,
        request.url,
        request.headers['x-of'],
        request.headers['content-length'],
        body,
      ])
      response.writeHead(418, { location: '/elsewhere' }).end('kännchen')
    },
    async (url) => {
      const ask = createHttpClient({ timeoutMs: 5000, maxBytes: 100 })
      assert.deepEqual(await ask({ url, method: 'POST', headers: { 'x-of': 'us' }, body: 'tée' }), {
        status: 418,
        text: 'kännchen',
      })
      assert.equal((await ask({ url, method: 'GET' })).status, 418)
    },
  )
  assert.deepEqual(heard, [
    ['POST', '/a?b=c', 'us', '4', 'tée'],
    ['GET', '/a?b=c', undefined, undefined, ''],
  ])
})

test('a redirect is an answer, and is not followed', async () => {
  let asked = 0
  await withServer(
    (_, response) => {
      asked++
      response.writeHead(302, { location: '/elsewhere' }).end()
    },
    async (url) => {
      const ask = createHttpClient({ timeoutMs: 5000, maxBytes: 100 })
      assert.equal((await ask({ url, method: 'GET' })).status, 302)
    },
  )
  assert.equal(asked, 1)
})

test('an answer that is too long, breaks off, or does not end', async () => {
  const ask = createHttpClient({ timeoutMs: 200, maxBytes: 100 })
  await withServer(
    (_, response) => response.end('x'.repeat(101)),
    async (url) => await assert.rejects(ask({ url, method: 'GET' }), /longer than 100 octets/),
  )
  await withServer(
    (_, response) => {
      response.writeHead(200, { 'content-length': '50' }).write('x')
      setTimeout(() => response.destroy(), 20)
    },
    async (url) => await assert.rejects(ask({ url, method: 'GET' }), /aborted|hang up/),
  )
  await withServer(
    (_, response) => {
      response.write('x')
    },
    async (url) => await assert.rejects(ask({ url, method: 'GET' })),
  )
  await withServer(
    () => {},
    async (url) => await assert.rejects(ask({ url, method: 'GET' }), /no answer in 200 ms/),
  )
  await assert.rejects(ask({ url: new URL('http://127.0.0.1:9/'), method: 'GET' }), /ECONNREFUSED/)
})

const raw: readonly (readonly [title: string, answer: (socket: Socket) => void, expected: RegExp])[] = [
  [
    'another protocol, which nobody asked for',
    (socket) => socket.write('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
    /^closed without an answer$/,
  ],
  [
    'interim answers without end',
    (socket) => {
      const more = (): void => {
        if (socket.writable) socket.write('HTTP/1.1 103 X\r\n\r\n'.repeat(100), () => setImmediate(more))
      }
      more()
    },
    /^interim answers without end$/,
  ],
  [
    'a body in drops, the deadline its only end',
    (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n{"active":true}'),
    /^no answer in 300 ms$/,
  ],
  [
    'what other protocols are there, as Apache says, and the answer',
    (socket) =>
      socket.write(
        'HTTP/1.1 200 OK\r\nUpgrade: h2,h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nok',
      ),
    /^ok$/,
  ],
]
for (const [title, answer, expected] of raw)
  test(`a hostile server: ${title}`, async () => {
    const sockets: Socket[] = []
    const server = createPlainServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => {})
      socket.once('data', () => answer(socket))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const timeoutMs = title.includes('deadline') ? 300 : 30_000
    const ask = createHttpClient({ timeoutMs, maxBytes: 1000 })
    const url = new URL(`http://127.0.0.1:${port}/`)
    const end = ask({ url, method: 'GET' }).then(
      ({ text }) => text,
      ({ message }: Error) => message,
    )
    const late = Promise.withResolvers<string>()
    const timer = setTimeout(() => late.resolve('neither answer nor end'), 20_000)
    try {
      assert.match(await Promise.race([end, late.promise]), expected)
    } finally {
      clearTimeout(timer)
      for (const socket of sockets) socket.destroy()
      server.close()
    }
  })

test('what is no PEM is said at once', () => {
  assert.throws(() => createHttpClient({ timeoutMs: 1, maxBytes: 1, cert: 'nonsense' }), /PEM|no start line/)
})
