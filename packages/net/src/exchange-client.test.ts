import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ExchangeClient, type ExchangeOptions } from './index.ts'

const lineEnd = (received: Buffer): number | undefined => {
  const end = received.indexOf(10)
  return end === -1 ? undefined : end + 1
}

interface Service {
  readonly path: string
  readonly server: Server
  connections: number
  readonly open: Set<Socket>
}

/** Answers each line; connections may be broken by the answer. */
async function serve(t: TestContext, answer: (line: string, socket: Socket) => void): Promise<Service> {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-exchange-'))
  const service: Service = {
    path: join(folder, 'socket'),
    connections: 0,
    open: new Set(),
    server: createServer((socket) => {
      service.connections++
      service.open.add(socket)
      socket.on('error', () => {})
      socket.on('data', (chunk) => {
        for (const line of chunk.toString().split('\n').filter(Boolean)) answer(line, socket)
      })
    }),
  }
  await new Promise<void>((resolve) => service.server.listen(service.path, resolve))
  t.after(() => {
    for (const socket of service.open) socket.destroy()
    service.server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return service
}

function clientOf(t: TestContext, path: string, more: Partial<ExchangeOptions> = {}): ExchangeClient {
  const client = new ExchangeClient({
    address: { kind: 'unix', path },
    timeoutMs: 2_000,
    maxIdleMs: 60_000,
    maxAgeMs: 60_000,
    tries: 2,
    retryDelayMs: 10,
    answerLength: lineEnd,
    ...more,
  })
  t.after(() => client.close())
  return client
}

const asked = async (client: ExchangeClient, text: string): Promise<string> =>
  (await client.ask(Buffer.from(`${text}\n`))).toString().trim()

test('one connection serves questions that come one after the other', async (t) => {
  const service = await serve(t, (line, socket) => socket.write(`<${line}>\n`))
  const client = clientOf(t, service.path)
  const warnings: Error[] = []
  const warn = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warn)
  t.after(() => process.off('warning', warn))
  for (let i = 0; i < 50; i++) assert.equal(await asked(client, `q${i}`), `<q${i}>`)
  assert.equal(service.connections, 1)
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(warnings, [], 'no listener for each question')
})

test('a connection takes no more questions than it may', async (t) => {
  const service = await serve(t, (line, socket) => socket.write(`<${line}>\n`))
  const client = clientOf(t, service.path, { maxQuestions: 2 })
  for (let i = 0; i < 5; i++) assert.equal(await asked(client, `q${i}`), `<q${i}>`)
  assert.equal(service.connections, 3)
})

test('an answer that comes octet by octet', async (t) => {
  const service = await serve(t, (line, socket) => {
    for (const octet of `${line}!\n`) socket.write(octet)
  })
  assert.equal(await asked(clientOf(t, service.path), 'slow'), 'slow!')
})

test('questions at once have connections of their own, the limit makes the others wait', async (t) => {
  const service = await serve(t, (line, socket) => setTimeout(() => socket.write(`${line}\n`), 10))
  const client = clientOf(t, service.path, { maxConnections: 3 })
  const questions = Array.from({ length: 12 }, (_, i) => `${i}`)
  assert.deepEqual(await Promise.all(questions.map((one) => asked(client, one))), questions)
  assert.equal(service.connections, 3)
})

test('a kept connection that the service has closed is replaced at once', async (t) => {
  const service = await serve(t, (line, socket) => socket.write(`${line}\n`))
  const client = clientOf(t, service.path, { retryDelayMs: 60_000 })
  assert.equal(await asked(client, 'a'), 'a')
  for (const socket of service.open) socket.destroy()
  assert.equal(await asked(client, 'b'), 'b')
  assert.equal(service.connections, 2)
})

test('two connections broken without an answer are a failure; so is silence', async (t) => {
  const breaking = await serve(t, (_, socket) => socket.destroy())
  await assert.rejects(asked(clientOf(t, breaking.path), 'x'), /connection closed|ECONNRESET|EPIPE/)
  assert.equal(breaking.connections, 2)
  const silent = await serve(t, () => {})
  await assert.rejects(asked(clientOf(t, silent.path, { timeoutMs: 50 }), 'x'), /timed out/)
  const queued = clientOf(t, silent.path, { timeoutMs: 50, maxConnections: 1 })
  const both = await Promise.allSettled([asked(queued, 'x'), asked(queued, 'y')])
  assert.deepEqual(
    both.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  await assert.rejects(asked(clientOf(t, '/nonexistent/socket'), 'x'), /ENOENT/)
})

test('an endless answer ends the connection; an answer too many is not taken for the next one', async (t) => {
  const flood = await serve(t, (_, socket) => socket.write('x'.repeat(5_000)))
  await assert.rejects(asked(clientOf(t, flood.path, { maxAnswerBytes: 1_000 }), 'x'), /too long/)
  const chatty = await serve(t, (line, socket) => socket.write(`${line}\nsurplus\n`))
  const client = clientOf(t, chatty.path)
  assert.equal(await asked(client, 'a'), 'a')
  assert.equal(await asked(client, 'b'), 'b')
})
