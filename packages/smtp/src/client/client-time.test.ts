import assert from 'node:assert/strict'
import net, { type AddressInfo, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connectSmtp, type SmtpClientOptions } from '../index.ts'
import { base, failed, mailTo, peer, ready, short } from './client-fixture.ts'

/** A server that answers each line in its own time, and takes content as it likes. */
const slowPeer = async (
  t: TestContext,
  how: { readonly rcptMs?: number; readonly onData?: (socket: Socket) => void },
) => {
  const sockets = new Set<Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.write('220 slow.test ESMTP\r\n')
    let answered = Promise.resolve()
    const answer = (line: string): void => {
      answered = answered.then(async () => {
        if (line.startsWith('RCPT')) await pause(how.rcptMs ?? 0)
        if (line.startsWith('EHLO')) socket.write('250-slow.test\r\n250 PIPELINING\r\n')
        else socket.write(line === 'DATA' ? '354 go on\r\n' : '250 2.0.0 Ok\r\n')
        if (line === 'DATA') how.onData?.(socket)
      })
    }
    socket.on('data', (chunk) => {
      for (const line of chunk.toString('latin1').split('\r\n')) {
        if (/^(?:EHLO|MAIL|RCPT|DATA|\.)/.test(line)) answer(line)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return (options: Partial<SmtpClientOptions>) =>
    connectSmtp({ host: 'slow.test', address: '127.0.0.1', port }, { ...base, ...options })
}

test('a server may think about each recipient of a pipelined group', async (t) => {
  const connect = await slowPeer(t, { rcptMs: 80 })
  const client = ready(await connect({ timeouts: { mailMs: 300, rcptMs: 300 } }))
  const recipients = ['a@y', 'b@y', 'c@y', 'd@y', 'e@y', 'f@y']
  const outcomes = await client.send(mailTo(recipients))
  assert.deepEqual(
    outcomes.map(short),
    recipients.map(() => 'sent 250 2.0.0 Ok'),
  )
  client.quit()
  const hasty = ready(await connect({ timeouts: { rcptMs: 20 } }))
  assert.equal(
    short((await hasty.send(mailTo(['a@y'])))[0]),
    'timeout 4.4.2 conversation with slow.test[127.0.0.1] timed out while sending RCPT TO',
  )
})

test('smtp_per_request_deadline: who takes less than smtp_min_data_rate is left', async (t) => {
  const line = Buffer.from(`${'x'.repeat(70)}\r\n`)
  const block = Buffer.concat(Array.from({ length: 14_000 }, () => line))
  const large = { sizeBytes: block.length * 24, content: () => Array.from({ length: 24 }, () => block) }
  const sip = (socket: Socket): void => {
    socket.on('data', () => {
      socket.pause()
      setTimeout(() => socket.resume(), 20)
    })
  }
  const connect = await slowPeer(t, { onData: sip })
  const timeouts = { dataXferMs: 400, minDataRate: 1_000_000_000 }
  const client = ready(await connect({ timeouts }))
  const startedMs = performance.now()
  assert.match(
    short((await client.send(mailTo(['x@y'], large)))[0]),
    /^timeout 4\.4\.2 .* timed out while sending message body$/,
  )
  assert.ok(performance.now() - startedMs < 5_000)
  // What has come in time earns time.
  const patient = ready(await connect({ timeouts: { ...timeouts, minDataRate: 1_000 } }))
  const few = { sizeBytes: block.length * 4, content: () => Array.from({ length: 4 }, () => block) }
  assert.match(short((await patient.send(mailTo(['x@y'], few)))[0]), /^sent /)
  patient.quit()
})

test('smtp_bind_address: one that is not of this machine is passed over, or nothing leaves', async (t) => {
  const { connect } = await peer(t, {})
  const unbound: string[] = []
  const options = { localAddress: '192.0.2.77', onUnbound: (address: string) => unbound.push(address) }
  const client = ready(await connect(options))
  assert.match(short((await client.send(mailTo(['x@y'])))[0]), /^sent /)
  client.quit()
  assert.deepEqual(failed(await connect({ ...options, localAddressIs: 'needed' })), {
    kind: 'connect',
    status: '4.4.0',
    text: 'server configuration error',
  })
  assert.deepEqual(unbound, ['192.0.2.77', '192.0.2.77'])
})
