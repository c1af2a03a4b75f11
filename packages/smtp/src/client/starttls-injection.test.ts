import assert from 'node:assert/strict'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import tls from 'node:tls'
import { createSelfSigned } from '../../../server/src/tls/self-signed.ts'
import { connectSmtp, type SmtpClientOptions } from '../index.ts'

function answerTo(command: string): string {
  if (command.startsWith('EHLO')) return '250-peer.test\r\n250 SIZE 1000\r\n'
  if (command.startsWith('RCPT')) return '550 5.1.1 refused by the real server\r\n'
  return command.startsWith('DATA') ? '554 5.5.1 no valid recipients\r\n' : '250 2.0.0 Ok\r\n'
}

/** A server behind somebody in the middle, who adds replies in the clear to the one that starts TLS. */
async function peerWithInjection(t: TestContext, injected: string, pieces: 'one packet' | 'two packets') {
  const context = tls.createSecureContext(await createSelfSigned(['peer.test'], Date.now()))
  const heardInTls: string[] = []
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.write('220 peer.test ESMTP\r\n')
    const onClear = (chunk: Buffer): void => {
      const line = chunk.toString('latin1')
      if (line.startsWith('EHLO')) socket.write('250-peer.test\r\n250 STARTTLS\r\n')
      if (!line.startsWith('STARTTLS')) return
      socket.off('data', onClear)
      socket.pause()
      if (pieces === 'one packet') socket.write(`220 2.0.0 go on\r\n${injected}`, upgrade)
      else {
        socket.write('220 2.0.0 go on\r\n')
        setImmediate(() => socket.write(injected, upgrade))
      }
    }
    const upgrade = (): void => {
      const secure = new tls.TLSSocket(socket, { isServer: true, secureContext: context })
      secure.on('error', () => {})
      secure.on('data', (bytes: Buffer) => {
        for (const command of bytes.toString('latin1').split('\r\n').slice(0, -1)) {
          heardInTls.push(command)
          secure.write(answerTo(command))
        }
      })
    }
    socket.on('data', onClear)
  })
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, heardInTls }
}

const message = Buffer.from('Subject: x\r\n\r\nx\r\n')
const options: SmtpClientOptions = {
  protocol: 'smtp',
  heloName: 'us.test',
  tlsLevel: 'encrypt',
  login: { user: 'alice', password: 'secret' },
}

/** Replies that would answer EHLO, AUTH, MAIL, RCPT and the message, if any of them were believed. */
const forged: readonly (readonly [what: string, replies: string])[] = [
  ['an EHLO reply with AUTH', '250-evil.test\r\n250 AUTH PLAIN\r\n'],
  [
    'a whole conversation',
    '250-evil.test\r\n250 AUTH PLAIN\r\n235 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n',
  ],
  ['half a reply', '250-evil.test\r\n250-AUTH PLA'],
]

for (const [what, replies] of forged) {
  for (const pieces of ['one packet', 'two packets'] as const) {
    test(`CVE-2021-38371 class, STARTTLS response injection: ${what}, in ${pieces}, is never believed`, async (t) => {
      const { port, heardInTls } = await peerWithInjection(t, replies, pieces)
      const at = { host: 'peer.test', address: '127.0.0.1', port }
      const startedMs = performance.now()
      const client = await connectSmtp(at, { ...options, timeouts: { heloMs: 100 } })
      assert.ok('kind' in client, 'went on, though the server behind TLS offers no AUTH')
      assert.ok(
        !heardInTls.some((line) => line.startsWith('AUTH')),
        'the password was sent for a forged reply',
      )

      assert.ok(performance.now() - startedMs < 5_000, 'half a reply was waited for')

      const { login: _, ...withoutLogin } = options
      const second = await connectSmtp(at, { ...withoutLogin, timeouts: { heloMs: 100 } })
      if ('kind' in second) return
      const [outcome] = await second.send({
        sender: 'a@us.test',
        recipients: [{ address: 'x@y' }],
        sizeBytes: message.length,
        content: () => [message],
      })
      assert.notEqual(outcome?.kind, 'sent', 'a forged reply was taken for an acceptance')
      second.quit()
    })
  }
}

test('smtp_helo_timeout: a server that never ends its reply to EHLO, in silence or in drops, is given up', async (t) => {
  const given = ['', '250-', '250-x\r\n'].map(async (drop) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {})
      socket.write('220 peer.test ESMTP\r\n')
      const timer = setInterval(() => socket.write(drop), 10)
      socket.on('close', () => clearInterval(timer))
      socket.resume()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    // The greeting has the same time: a machine that stood still for so long gets more.
    for (let heloMs = 1_000; ; heloMs *= 2) {
      const failure = await connectSmtp(
        { host: 'peer.test', address: '127.0.0.1', port },
        { ...options, timeouts: { heloMs } },
      )
      assert.ok('kind' in failure)
      assert.equal(failure.kind, 'timeout')
      if (heloMs < 60_000 && failure.text.endsWith('while receiving the initial server greeting')) continue
      assert.match(failure.text, /timed out while performing the EHLO handshake$/)
      return
    }
  })
  await Promise.all(given)
})
