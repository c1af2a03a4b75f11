import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { HeaderGate } from '../receive/header-gate.ts'
import { openMailFixture } from '../receive/mail-fixture.ts'
import { answered, createTables, LookupFailed, LookupWaits } from '../tables/index.ts'
import { createOutgoingRewriting } from './outgoing.ts'

/** tcp_table(5): `dead` gets no answer that counts, others one after a moment. */
async function tableOf(t: TestContext, answer: (key: string) => string | undefined) {
  const sockets = new Set<Socket>()
  const asked: string[] = []
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString()
      for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n')) {
        const key = text.slice('get '.length, end)
        text = text.slice(end + 1)
        asked.push(key)
        const value = answer(key)
        const reply = key.includes('dead') ? '400 down' : value === undefined ? '500 no' : `200 ${value}`
        setTimeout(() => socket.write(`${reply}\n`), 2)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const bound = server.address()
  return { spec: `tcp:127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`, asked }
}

const srs = (key: string): string | undefined =>
  /^(.*)@(far\d*)\.example$/.test(key) ? key.replace(/^(.*)@(.*)$/, 'SRS0=$2=$1@example.org') : undefined

test('canonical_maps that are asked over a network: envelope, header and a From that is added', async (t) => {
  const { spec, asked } = await tableOf(t, srs)
  const mail = await openMailFixture({
    routing: {
      senderCanonicalMaps: [spec],
      recipientCanonicalMaps: [spec],
      recipientCanonicalClasses: ['envelope_recipient', 'header_recipient'],
    },
  })
  const many = Array.from({ length: 400 }, (_, n) => `u${n}@far${n}.example`)
  const body = 'x'.repeat(70_000)
  const header = `To: ${many.join(',\r\n ')}\r\nDate: x\r\n\r\n`
  const said = await mail.say(
    await mail.session(),
    's@far.example',
    ['alice@example.org'],
    `${header}${body}\r\n`,
  )
  assert.equal(said.at(-1), '250 2.0.0 Ok: queued as ID')
  const [text = ''] = await mail.inbox('alice@example.org')
  assert.match(text, /^Return-Path: <SRS0=far\.example=s@example\.org>\r\n/)
  assert.match(text, /\r\nFrom: SRS0=far\.example=s@example\.org\r\n/)
  for (const [n, address] of many.entries())
    assert.ok(text.includes(`SRS0=far${n}.example=u${n}@example.org`), address)
  assert.ok(text.endsWith(`\r\n\r\n${body}\r\n`))
  assert.equal(new Set(asked).size, asked.length, 'nothing is asked twice')
  await mail.close()
})

test('canonical_maps and bcc maps without an answer: the message is not accepted, and nothing of it stays', async (t) => {
  const { spec } = await tableOf(t, srs)
  for (const routing of [
    { senderCanonicalMaps: [spec] },
    { canonicalMaps: [spec], canonicalClasses: ['header_recipient'] },
    { senderBccMaps: [spec] },
  ]) {
    const mail = await openMailFixture({ routing })
    const header = 'From: a@b.example\r\nTo: x@dead.example\r\n\r\nx\r\n'
    const said = await mail.say(await mail.session(), 'x@dead.example', ['alice@example.org'], header)
    assert.equal(said.at(-1), '451 4.3.0 Error: queue file write error', JSON.stringify(routing))
    assert.deepEqual(await mail.inbox('alice@example.org'), [])
    assert.equal(await mail.store.queue.count(), 0)
    await mail.close()
  }
})

test('bcc maps that are asked over a network', async (t) => {
  const { spec } = await tableOf(t, (key) => (key === 'bob@example.org' ? 'alice@example.org' : undefined))
  const mail = await openMailFixture({ routing: { recipientBccMaps: [spec] } })
  await mail.say(await mail.session(), 'x@y.example', ['bob@example.org'])
  assert.equal((await mail.inbox('alice@example.org')).length, 1)
  await mail.close()
})

test('smtp_generic_maps that are asked over a network', async (t) => {
  const { spec } = await tableOf(t, srs)
  const tables = createTables({ log: () => {}, now: Date.now })
  const site = { complete: (address: string) => address, isLocalDomain: () => false, delimiter: '' }
  const outgoing = createOutgoingRewriting({ genericMaps: [spec] }, tables, site, () => {})
  assert.ok(outgoing)
  assert.equal(await answered(() => outgoing.address('a@far.example')), 'SRS0=far.example=a@example.org')
  const sent = async (text: string): Promise<string> => {
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < text.length; at += 7) yield Buffer.from(text.slice(at, at + 7))
    }
    const out: Uint8Array[] = []
    for await (const chunk of outgoing.content(pieces(), 'ID')) out.push(Buffer.from(chunk))
    return Buffer.concat(out).toString()
  }
  assert.equal(
    await sent('To: b@far.example\r\nSubject: s\r\n\r\nb@far.example\r\n'),
    'To: SRS0=far.example=b@example.org\r\nSubject: s\r\n\r\nb@far.example\r\n',
  )
  await assert.rejects(sent('To: b@dead.example\r\n\r\ntext\r\n'), LookupFailed)
  await assert.rejects(async () => await answered(() => outgoing.address('b@dead.example')), LookupFailed)
})

test('what comes while a header waits follows it, in order, whoever uses the memory again', async () => {
  const text = 'To: a\r\n\r\nbody of some length\r\n'
  for (const size of [1, 3, 12, 100]) {
    const out: Buffer[] = []
    let waits = 2
    const gate = new HeaderGate(
      (chunk) => void out.push(Buffer.from(chunk)),
      (header) => {
        if (waits-- > 0) throw new LookupWaits(new Promise((resolve) => setTimeout(resolve, 5)))
        return Buffer.concat([header, Buffer.from('|')])
      },
      Buffer.from('above\r\n'),
    )
    const memory = Buffer.alloc(size)
    for (let at = 0; at < text.length; at += size) {
      const length = memory.write(text.slice(at, at + size))
      // As a session does: it takes what came in one turn, and waits then.
      void gate.push(memory.subarray(0, length))
      memory.fill('!')
    }
    await gate.finish()
    assert.equal(Buffer.concat(out).toString(), `above\r\n${text.replace('\r\n\r\n', '\r\n|\r\n')}`)
  }
})
