import assert from 'node:assert/strict'
import net from 'node:net'
import { type TestContext, test } from 'node:test'
import { RecordingHandler } from '../handler-fixture.ts'
import { createSmtpService } from '../index.ts'
import { connectSmtp, type SmtpClient } from './client.ts'
import { scriptedPeer } from './scripted-peer-fixture.ts'

const options = {
  protocol: 'smtp',
  heloName: 'client.test',
  tlsLevel: 'none',
  chunkFromBytes: 10,
} as const

async function connected(port: number, more: object = {}): Promise<SmtpClient> {
  const client = await connectSmtp({ host: 'peer.test', address: '127.0.0.1', port }, { ...options, ...more })
  assert.ok('send' in client, JSON.stringify(client))
  return client
}

const mailOf = (text: string | readonly Uint8Array[], recipients = ['x@local.test']) => {
  const pieces = typeof text === 'string' ? [Buffer.from(text)] : text
  return {
    sender: 'a@b.test',
    recipients: recipients.map((address) => ({ address })),
    sizeBytes: pieces.reduce((sum, { length }) => sum + length, 0),
    content: () => pieces,
  }
}

async function ourServer(t: TestContext) {
  const handler = new RecordingHandler()
  const service = createSmtpService({
    handler,
    options: { hostname: 'mx.test', messageSizeLimitBytes: 50_000_000 },
    log: () => undefined,
  })
  t.after(() => service.close('now'))
  const { port } = await service.listen({ service: 'mx', host: '127.0.0.1', port: 0 })
  return { handler, port }
}

test('RFC 3030 §2: a message by BDAT arrives octet for octet, dots and all, and another after it', async (t) => {
  const { handler, port } = await ourServer(t)
  const client = await connected(port)
  const text = 'Subject: x\r\n\r\n.\r\n..\r\n.dot\r\nend\r\n'
  for (let i = 0; i < 2; i++) {
    const [outcome] = await client.send(mailOf(text))
    assert.equal(outcome?.kind, 'sent')
  }
  const large = Array.from({ length: 3 * 64 }, (_, i) =>
    Buffer.from(`${String(i % 10).repeat(62)}\r\n`.repeat(512)),
  )
  assert.equal((await client.send(mailOf(large)))[0]?.kind, 'sent')
  assert.deepEqual(
    handler.mails.map((mail) => mail.text),
    [text, text, Buffer.concat(large).toString()],
  )
  client.quit()
})

test('line ends are mended as for DATA; the octets of each chunk are counted after that', async (t) => {
  const { handler, port } = await ourServer(t)
  const client = await connected(port)
  assert.equal((await client.send(mailOf('Subject: x\n\nbare\rCR\nno end')))[0]?.kind, 'sent')
  assert.equal(handler.mails[0]?.text, 'Subject: x\r\n\r\nbare CR\r\nno end\r\n')
  client.quit()
})

/** Answers BDAT, and counts what came with it. */
async function chunkPeer(t: TestContext, answers: readonly string[]) {
  const chunks: string[] = []
  const lines: string[] = []
  const server = net.createServer((socket) => {
    let pending = Buffer.alloc(0)
    let wanted = 0
    let chunk = ''
    const replies = [...answers]
    socket.write('220 peer.test ESMTP\r\n')
    socket.on('error', () => {})
    socket.on('data', (octets) => {
      pending = Buffer.concat([pending, octets])
      for (;;) {
        if (wanted > 0) {
          if (pending.length < wanted) return
          pending = pending.subarray(wanted)
          chunks.push(chunk)
          wanted = 0
          socket.write(`${replies.shift() ?? '250 2.0.0 Ok'}\r\n`)
        }
        const end = pending.indexOf('\r\n')
        if (end === -1) return
        const line = pending.toString('latin1', 0, end)
        pending = pending.subarray(end + 2)
        lines.push(line.split(':')[0] ?? '')
        const [, size] = /^BDAT (\d+)/.exec(line) ?? []
        if (size !== undefined) {
          wanted = Number(size)
          chunk = line
        } else
          socket.write(
            line.startsWith('EHLO')
              ? '250-peer.test\r\n250-PIPELINING\r\n250 CHUNKING\r\n'
              : '250 2.0.0 Ok\r\n',
          )
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return { port: (server.address() as net.AddressInfo).port, chunks, lines }
}

const megabytes = (count: number) => Array.from({ length: count * 16 }, () => Buffer.alloc(65_536, 'x\r\n'))

test('RFC 3030 §2: a chunk that is refused is the last one that is sent; RSET before the next message', async (t) => {
  const peer = await chunkPeer(t, ['250 2.0.0 so far', '552 5.3.4 too much', '250 2.0.0 taken'])
  const client = await connected(peer.port)
  const [outcome] = await client.send(mailOf(megabytes(20)))
  assert.equal(outcome?.kind === 'refused' && outcome.failure.status, '5.3.4')
  assert.equal(peer.chunks.length, 2)
  assert.ok(peer.chunks.every((line) => !line.endsWith('LAST')))
  assert.equal((await client.send(mailOf('Subject: small\r\n\r\nx\r\n')))[0]?.kind, 'sent')
  assert.deepEqual(peer.lines.slice(-4), ['RSET', 'MAIL FROM', 'RCPT TO', peer.chunks[2]])
  assert.match(peer.chunks[2] ?? '', / LAST$/)
  client.quit()
})

test('not for small mail, not where it is not offered or not wanted: DATA', async (t) => {
  const peer = await scriptedPeer({ EHLO: '250-peer.test\n250-PIPELINING\n250 CHUNKING' })
  t.after(() => peer.close())
  for (const more of [
    { chunkFromBytes: 1000 },
    { chunkFromBytes: 0 },
    { discardEhloKeywords: ['CHUNKING'] },
  ]) {
    const client = await connected(peer.port, more)
    assert.equal((await client.send(mailOf('Subject: x\r\n\r\nlonger than ten\r\n')))[0]?.kind, 'sent')
    client.quit()
  }
  assert.ok(peer.received.every((text) => text.includes('DATA') && !text.includes('BDAT')))
})

test('what fails while it is read ends the connection: half a message is no message', async (t) => {
  const peer = await chunkPeer(t, [])
  const client = await connected(peer.port)
  const broken = {
    ...mailOf(megabytes(3)),
    content: async function* () {
      yield* megabytes(2)
      throw new Error('the disk')
    },
  }
  await assert.rejects(client.send(broken), /the disk/)
  assert.equal(client.usable, false)
  assert.ok(peer.chunks.every((line) => !line.endsWith('LAST')))
})

test('Postfix: smtp_reply_filter: each line of a reply, the greeting and EHLO too', async (t) => {
  const peer = await scriptedPeer({
    greeting: '220 strange',
    EHLO: '250-peer.test\n250-PIPELINING\n250-STARTTLS\n250 SIZE 5',
    RCPT: '550 5.7.1 greylisted, come again',
  })
  t.after(() => peer.close())
  const heard: string[] = []
  const client = await connected(peer.port, {
    replyFilter: (line: string) => {
      heard.push(line)
      return line.replace(/^550 5\.7\.1 (greylisted)/, '450 4.7.1 $1').replace('SIZE 5', 'SIZE 500')
    },
  })
  const [outcome] = await client.send(mailOf('Subject: x\r\n\r\nmore than ten octets\r\n'))
  assert.equal(outcome?.kind === 'refused' && outcome.failure.status, '4.7.1')
  assert.deepEqual(heard.slice(0, 5), [
    '220 strange',
    '250-peer.test',
    '250-PIPELINING',
    '250-STARTTLS',
    '250 SIZE 5',
  ])
  client.quit()
})
