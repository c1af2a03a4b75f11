import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import tls from 'node:tls'
import { RecordingHandler } from './handler-fixture.ts'
import { createSmtpService } from './index.ts'
import { Client, serve } from './service-fixture.ts'

test('close: idle clients hear 421, a message on its way is taken', async (t) => {
  const { port, service, handler } = await serve(t)
  const idle = await Client.open(port)
  await idle.reply()
  const busy = await Client.open(port)
  await busy.reply()
  await busy.ask('MAIL FROM:<a@b>')
  await busy.ask('RCPT TO:<x@local.test>')
  await busy.ask('DATA')
  const between = await Client.open(port)
  await between.reply()
  await between.ask('MAIL FROM:<a@b>')
  const closed = service.close('graceful', 5000)
  assert.equal(await idle.reply(), '421 4.3.2 mx.test Service shutting down')
  idle.socket.end()
  assert.equal(await between.reply(), '421 4.3.2 mx.test Service shutting down')
  between.socket.end()
  await assert.rejects(
    Client.open(port).then((client) => client.reply().then(() => Promise.reject(new Error('open')))),
  )
  assert.equal(await busy.ask('hi\r\n.'), '250 2.0.0 Ok: queued as ABC123')
  assert.equal(await busy.ask('NOOP'), '421 4.3.2 mx.test Service shutting down')
  busy.socket.end()
  await closed
  assert.equal(handler.mails.length, 1)
})

test('QUIT ends the connection, whether or not the client closes its side; what it sends behind loses nothing', async (t) => {
  const { port, service } = await serve(t)
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.after(() => socket.destroy())
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk.toString()
  })
  socket.write('EHLO c\r\nQUIT\r\n')
  await once(socket, 'end')
  assert.match(heard, /221 2\.0\.0 Bye\r\n$/)
  assert.equal(socket.writableEnded, false)
  for (let waitedMs = 0; service.connections > 0 && waitedMs < 10_000; waitedMs += 5) await setTimeout(5)
  assert.equal(service.connections, 0)

  const talker = await Client.open(port)
  await talker.reply()
  talker.socket.write('QUIT\r\nNOOP\r\nNOOP\r\n')
  assert.equal(await talker.reply(), '221 2.0.0 Bye')
  talker.socket.end()

  const secret = await Client.open(port)
  await secret.reply()
  await secret.ask('STARTTLS')
  await secret.startTls()
  assert.equal(await secret.ask('QUIT'), '221 2.0.0 Bye')
  secret.socket.end()
})

test('options change under living sessions', async (t) => {
  const { port, service } = await serve(t)
  const client = await Client.open(port)
  await client.reply()
  assert.match(await client.ask('EHLO c'), /250-SIZE 10240000/)
  service.setOptions({ hostname: 'mx.test', messageSizeLimitBytes: 5 })
  assert.match(await client.ask('EHLO c'), /250-SIZE 5\r\n/)
  assert.equal(await client.ask('MAIL FROM:<a@b> SIZE=6'), '552 5.3.4 Message size exceeds fixed limit')
})

test('a port in use is an error of listen', async (t) => {
  const { port, service } = await serve(t)
  await assert.rejects(service.listen({ service: 'mx', host: '127.0.0.1', port }), { code: 'EADDRINUSE' })
  const noTls = createSmtpService({
    handler: new RecordingHandler(),
    options: { hostname: 'x' },
    log: () => undefined,
  })
  await assert.rejects(noTls.listen({ service: 'submissions', port: 0 }), /no TLS certificate/)
})

test('PROXY protocol: the address it names is the client, in both versions, under TLS too', async (t) => {
  const v1 = Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 5555 25\r\n')
  const v2 = Buffer.from(
    '0d0a0d0a000d0a515549540a' + '2111000c' + 'cb007107' + 'c0000201' + '15b30019',
    'hex',
  )
  for (const [header, from] of [
    [v1, '127.0.0.1'],
    [v2, '127.0.0.0/8'],
    [Buffer.concat([v2, Buffer.from('NOOP\r\n')]), '*'],
  ] as const) {
    const { port, handler } = await serve(t, { options: { proxyProtocolFrom: [from] } })
    const client = await Client.open(port)
    for (const octet of header) client.socket.write(Buffer.from([octet]))
    assert.match(await client.reply(), /^220/)
    const { clientAddress, clientPort, localAddress, localPort } = handler.sessions[0] ?? assert.fail()
    assert.deepEqual(
      [clientAddress, clientPort, localAddress, localPort],
      ['203.0.113.7', 5555, '192.0.2.1', 25],
    )
    if (header.includes('NOOP')) assert.equal(await client.reply(), '250 2.0.0 Ok')
  }
  const options = { proxyProtocolFrom: ['127.0.0.1'] }
  const { port, handler } = await serve(t, { options, listen: { service: 'submissions' } })
  const socket = net.connect(port, '127.0.0.1')
  socket.write(v2)
  const client = new Client(tls.connect({ socket, rejectUnauthorized: false }))
  assert.match(await client.reply(), /^220/)
  assert.equal(handler.sessions[0]?.clientAddress, '203.0.113.7')
})

test('PROXY protocol: an upstream without its header is cut off, others need none', async (t) => {
  const { port, handler } = await serve(t, { options: { proxyProtocolFrom: ['127.0.0.1'] } })
  for (const octets of ['EHLO x\r\n', 'PROXY TCP4 x y 1 2\r\n', 'PROXY']) {
    const client = await Client.open(port)
    client.socket.end(octets)
    if (!client.closed) await once(client.socket, 'close')
  }
  assert.equal(handler.sessions.length, 0)
  const other = await serve(t, { options: { proxyProtocolFrom: ['192.0.2.0/24'] } })
  assert.match(await (await Client.open(other.port)).reply(), /^220/)
})

test('LMTP through a UNIX socket', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-lmtp-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'lmtp')
  const { handler } = await serve(t, {
    listen: { service: 'lmtp', path, host: undefined, port: undefined } as never,
  })
  const client = new Client(net.connect(path))
  assert.match(await client.reply(), /^220/)
  assert.match(await client.ask('LHLO c'), /^250-mx\.test/)
  assert.equal(handler.sessions[0]?.clientAddress, '127.0.0.1')
})
