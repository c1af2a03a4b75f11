/** Questions with one answer each, in random pieces: the local socket, names over TCP. Properties: each has its own answer. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { askLocalSocket, serveLocalSocket } from '@posthorn/net/local-socket'
import packet from 'dns-packet'
import { askServer } from '../../packages/dns/src/dns-exchange.ts'
import { type Random, randomOf } from './piecewise.ts'
import { tornRoad } from './torn-road.ts'

const rounds = Math.ceil(Number(process.env.FUZZ_RUNS ?? 2000) / 100)
const firstSeed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000)

async function eachSeed(
  t: TestContext,
  play: (random: Random, seed: number) => Promise<void>,
): Promise<void> {
  for (let seed = firstSeed; seed < firstSeed + rounds; seed++) {
    await play(randomOf(seed), seed).catch((error) => {
      throw new Error(`FUZZ_SEED=${seed}: ${error.message}`, { cause: error })
    })
  }
  t.diagnostic(`seeds from ${firstSeed}`)
}

/** Longer than a piece, and than the socket takes at once. */
const answerTo = (question: { n: number; text: string }) => ({
  n: question.n,
  text: question.text.repeat(1 + (question.n % 40)),
})
const questionOf = (random: Random, n: number) => ({ n, text: 'é\u{1f4ef}x'.repeat(random(40)) })
const lineOf = (value: unknown): string => `${JSON.stringify(value)}\n`

async function localSocket(t: TestContext): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'pieces-'))
  const path = join(folder, 'socket')
  const server = await serveLocalSocket(path, async (question) => {
    const { n } = question as { n: number }
    if (n % 3 === 0) await new Promise((resolve) => setTimeout(resolve, n % 4))
    if (n % 7 === 0) throw new Error(`refused ${n}`)
    return answerTo(question as { n: number; text: string })
  })
  t.after(async () => {
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return path
}

test('the local socket: questions one after the other, ahead of their answers, with a FIN behind', async (t) => {
  const path = await localSocket(t)
  await eachSeed(t, async (random) => {
    const { port } = await tornRoad(t, { path }, random)
    const questions = Array.from({ length: 1 + random(12) }, (_, n) => questionOf(random, n))
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.end(questions.map(lineOf).join(''))
    const pieces: Buffer[] = []
    for await (const piece of socket) pieces.push(piece as Buffer)
    const expected = questions.map((question) =>
      question.n % 7 === 0 ? { error: `refused ${question.n}` } : answerTo(question),
    )
    assert.equal(Buffer.concat(pieces).toString(), expected.map(lineOf).join(''))
  })
})

test('the local socket: one who asks', async (t) => {
  const path = await localSocket(t)
  await eachSeed(t, async (random, seed) => {
    const road = `${path}-${seed}`
    await tornRoad(t, { path }, random, road)
    const question = questionOf(random, 1 + random(6))
    assert.deepEqual(await askLocalSocket(road, question, 30_000, 1_000_000), answerTo(question))
  })
})

/** Over UDP it says that the answer is too long; over TCP it answers, and hangs up then or not. */
async function nameServer(
  t: TestContext,
  answers: readonly packet.Answer[],
  hangsUp: boolean,
): Promise<{ readonly udp: (query: Buffer) => Buffer; readonly tcp: number }> {
  const reply = (query: Buffer, flags: number, found: readonly packet.Answer[]): Buffer => {
    const { id, questions } = packet.decode(query)
    return packet.encode({
      type: 'response',
      id: id ?? 0,
      flags,
      questions: questions ?? [],
      answers: [...found],
    })
  }
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined)
    let heard = Buffer.alloc(0)
    socket.on('data', (piece) => {
      heard = Buffer.concat([heard, piece])
      if (heard.length < 2 || heard.length < 2 + heard.readUInt16BE(0)) return
      const octets = reply(heard.subarray(2), 0, answers)
      const length = Buffer.alloc(2)
      length.writeUInt16BE(octets.length)
      socket.write(Buffer.concat([length, octets]))
      if (hangsUp) socket.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return {
    udp: (query) => reply(query, packet.TRUNCATED_RESPONSE, []),
    tcp: (server.address() as net.AddressInfo).port,
  }
}

test('names over TCP', async (t) => {
  await eachSeed(t, async (random, seed) => {
    const name = `n${seed}.example.org`
    const answers = Array.from({ length: 1 + random(60) }, (_, n) => ({
      type: 'TXT' as const,
      name,
      ttl: 60,
      data: [Buffer.from(`${n} ${'x'.repeat(random(200))}`)],
    }))
    const server = await nameServer(t, answers, random(2) === 0)
    const { port } = await tornRoad(t, { host: '127.0.0.1', port: server.tcp }, random)
    const udp = createSocket('udp4')
    udp.on('message', (query, from) => udp.send(server.udp(query), from.port, from.address))
    // Another process may have that port.
    const isBound = await new Promise<boolean>((resolve) => {
      udp.once('error', () => resolve(false))
      udp.bind(port, '127.0.0.1', () => resolve(true))
    })
    if (!isBound) return
    const found = await askServer({ address: '127.0.0.1', port }, { name, type: 'TXT' }, 30_000)
    udp.close()
    assert.deepEqual(
      found.answers.map((answer) => (answer.type === 'TXT' ? String(answer.data) : '')),
      answers.map(({ data }) => String(data)),
    )
  })
})
