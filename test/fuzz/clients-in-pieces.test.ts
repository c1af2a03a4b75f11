/** What we ask others in random pieces. Properties: the answers are those of a whole dialogue, none is lost or another's. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import tls from 'node:tls'
import { createHttpClient, ExchangeClient } from '@posthorn/net'
import {
  milterFrame,
  number32,
  startMilter,
} from '../../packages/mta/src/milter/testkit/scripted-milter-fixture.ts'
import { logged, sent, site, stored } from '../../packages/mta/src/receive/milter-site-fixture.ts'
import { base, mailTo, ready, short } from '../../packages/smtp/src/client/client-fixture.ts'
import { connectSmtp } from '../../packages/smtp/src/index.ts'
import { Client, serve } from '../../packages/smtp/src/service-fixture.ts'
import { type Random, randomOf } from './piecewise.ts'
import { tornRoad } from './torn-road.ts'

const rounds = Math.ceil(Number(process.env.FUZZ_RUNS ?? 2000) / 250)
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

const portOf = (server: net.Server): number => (server.address() as AddressInfo).port
const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i))

for (const way of ['in the clear', 'STARTTLS', 'TLS at once', 'LMTP'] as const) {
  test(`mail to another server: ${way}`, async (t) => {
    const { port, handler } = await serve(t, {
      listen:
        way === 'LMTP'
          ? { service: 'lmtp' }
          : way === 'TLS at once'
            ? { service: 'submissions' }
            : { service: 'mx' },
      options: { authOnlyWithTls: 'no' },
    })
    await eachSeed(t, async (random, seed) => {
      const road = await tornRoad(t, { host: '127.0.0.1', port }, random)
      const protocol = way === 'LMTP' ? 'lmtp' : 'smtp'
      const tlsLevel = way === 'in the clear' ? 'none' : way === 'LMTP' ? 'may' : 'encrypt'
      const client = ready(
        await connectSmtp(
          { host: 'mx.test', address: '127.0.0.1', port: road.port },
          {
            ...base,
            protocol,
            tlsLevel,
            ...(way === 'TLS at once' ? { wrapperMode: true } : {}),
            ...(way === 'TLS at once' ? { login: { user: 'alice', password: 'secret' } } : {}),
          },
        ),
      )
      assert.equal(client.tls !== undefined, way !== 'in the clear')
      const wanted: string[] = []
      for (let mails = 1 + random(3), n = 0; n < mails; n++) {
        const text = `Subject: ${seed}.${n}\r\n\r\n${times(random(800), (i) => (i % 9 === 0 ? '.' : `l${i}`)).join('\r\n')}\r\n`
        const recipients = times(1 + random(30), (i) => `u${i}@local.test`)
        const outcomes = await client.send({
          ...mailTo(recipients),
          sizeBytes: text.length,
          content: () => [Buffer.from(text)],
        })
        assert.deepEqual(
          outcomes.map(short),
          recipients.map(() => 'sent 250 2.0.0 Ok: queued as ABC123'),
        )
        wanted.push(text)
      }
      client.quit()
      assert.deepEqual(
        handler.mails.splice(0).map((mail) => mail.text),
        wanted,
      )
    })
  })
}

test('a milter', async (t) => {
  await eachSeed(t, async (random, seed) => {
    const body = times(random(4), () => `${'x'.repeat(random(20_000))}\r\n`)
    const edits = [
      ...body.map((text) => milterFrame('b', text)),
      ...times(random(20), (i) => milterFrame('h', `X-${i}\0${seed}\0`)),
      ...times(random(5), () => milterFrame('p')),
      milterFrame('i', Buffer.concat([number32(0), Buffer.from('X-First\0one\0')])),
    ]
    const verdict = random(4)
    const last = [
      milterFrame('c'),
      milterFrame('a'),
      milterFrame('r'),
      milterFrame('y', '451 4.7.1 later\0'),
    ][verdict]
    const milter = await startMilter({ replies: { E: () => [Buffer.concat([...edits, last as Buffer])] } })
    t.after(() => milter.close())
    const road = await tornRoad(t, { host: '127.0.0.1', port: Number(milter.spec.split(':').at(-1)) }, random)
    const [whole, torn] = [await site([milter.spec]), await site([`inet:127.0.0.1:${road.port}`])]
    const seen = async (mail: Awaited<ReturnType<typeof site>>): Promise<unknown> => {
      const replies = [await sent(mail), await sent(mail)]
      return [replies, await stored(mail), logged(mail).map((line) => line.replace(/[0-9A-F]{9,}/g, 'ID'))]
    }
    const expected = await seen(whole)
    assert.deepEqual(await seen(torn), expected)
    assert.equal((expected as string[][])[0]?.[0]?.slice(0, 3), ['250', '250', '550', '451'][verdict])
  })
})

test('a service that answers one question after the other, and hangs up now and then', async (t) => {
  await eachSeed(t, async (random) => {
    const hangsUp = random(3) === 0 ? 0.1 : 0
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined)
      let heard = ''
      socket.on('data', (octets) => {
        const questions = `${heard}${octets}`.split('\n')
        heard = questions.pop() as string
        for (const question of questions) {
          const answer = `${question.repeat(1 + random(500))}\n`
          if (random(1000) < hangsUp * 1000) socket.end(answer.slice(0, random(answer.length)))
          else socket.write(answer)
        }
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const road = await tornRoad(t, { host: '127.0.0.1', port: portOf(server) }, random)
    const client = new ExchangeClient({
      address: { kind: 'inet', host: '127.0.0.1', port: road.port },
      timeoutMs: 30_000,
      maxIdleMs: 10_000,
      maxAgeMs: 10_000,
      maxQuestions: random(2) * 5,
      tries: 30,
      retryDelayMs: 1,
      maxConnections: 1 + random(5),
      answerLength: (received) => {
        const end = received.indexOf('\n')
        return end === -1 ? undefined : end + 1
      },
    })
    await Promise.all(
      times(40, async (n) => {
        const answer = String(await client.ask(Buffer.from(`<${n}>\n`)))
        assert.equal(answer.replaceAll(`<${n}>`, ''), '\n')
      }),
    )
    client.close()
    server.close()
  })
})

test('a service over HTTP', async (t) => {
  const text = (n: number): string => 'é'.repeat(n)
  const server = createHttpServer((request, response) => {
    const [, kind, size] = (request.url ?? '').split('/')
    request.resume()
    request.on('end', () => {
      if (kind === 'chunked') for (let at = 0; at < 5; at++) response.write(text(Number(size)))
      else response.setHeader('content-length', Buffer.byteLength(text(5 * Number(size))))
      response.end(kind === 'chunked' ? '' : text(5 * Number(size)))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const ask = createHttpClient({ timeoutMs: 30_000, maxBytes: 100_000 })
  await eachSeed(t, async (random) => {
    const road = await tornRoad(t, { host: '127.0.0.1', port: portOf(server) }, random)
    const size = random(3_000)
    const kind = random(2) === 0 ? 'chunked' : 'whole'
    const url = new URL(`http://127.0.0.1:${road.port}/${kind}/${size}`)
    const answer = await ask({ url, method: 'POST', body: 'x'.repeat(random(5_000)) })
    assert.deepEqual(answer, { status: 200, text: text(5 * size) })
  })
})

test('a PROXY header together with a TLS ClientHello, or torn', async (t) => {
  const { port, handler } = await serve(t, {
    listen: { service: 'submissions' },
    options: { proxyProtocolFrom: ['127.0.0.1'] },
  })
  await eachSeed(t, async (random, seed) => {
    const road = await tornRoad(t, { host: '127.0.0.1', port }, random)
    const address = `192.0.2.${seed % 250}`
    const socket = net.connect(road.port, '127.0.0.1')
    socket.write(random(2) === 0 ? `PROXY TCP4 ${address} 192.0.2.254 4025 465\r\n` : version2(address))
    const secure = tls.connect({ socket, rejectUnauthorized: false })
    const client = new Client(secure)
    assert.match(await client.reply(), /^220 /)
    secure.write('EHLO c.test\r\nQUIT\r\n')
    assert.match(await client.reply(), /^250-/)
    assert.match(await client.reply(), /^221 /)
    assert.equal(handler.sessions.at(-1)?.clientAddress, address)
    socket.destroy()
  })
})

function version2(address: string): Buffer {
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(4025)
  ports.writeUInt16BE(465, 2)
  const addresses = Buffer.concat([
    Buffer.from(address.split('.').map(Number)),
    Buffer.from([192, 0, 2, 254]),
    ports,
  ])
  return Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540a2111000c', 'hex'), addresses])
}
