import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Client, serve } from './service-fixture.ts'

test('trusted clients are greeted at once, strangers after greetWaitMs', async (t) => {
  const trusted = await serve(t, { options: { greetWaitMs: 60_000 } })
  assert.equal(await (await Client.open(trusted.port)).reply(), '220 mx.test ESMTP Posthorn')
  const stranger = await serve(t, { trusted: false, options: { greetWaitMs: 30 } })
  const startMs = performance.now()
  assert.equal(await (await Client.open(stranger.port)).reply(), '220 mx.test ESMTP Posthorn')
  assert.ok(performance.now() - startMs >= 29)
})

test('a stranger who speaks before the greeting is sent away; a trusted client is answered', async (t) => {
  const stranger = await serve(t, { trusted: false, options: { greetWaitMs: 200 } })
  const early = await Client.open(stranger.port)
  early.socket.write('EHLO spam\r\n')
  assert.equal(await early.reply(), '521 5.5.1 Protocol error')
  await once(early.socket, 'close')
  assert.match(
    stranger.handler.notes[0] ?? '',
    /^PREGREET 11 after 0\.2 from \[127\.0\.0\.1\]:\d+: EHLO spam/,
  )
  const trusted = await serve(t)
  const quick = await Client.open(trusted.port)
  quick.socket.write('NOOP\r\n')
  assert.equal(await quick.reply(), '220 mx.test ESMTP Posthorn')
  assert.equal(await quick.reply(), '250 2.0.0 Ok')
})

test('smtpd_client_connection_count_limit binds strangers, never trusted clients', async (t) => {
  const options = { connectionsPerClient: 2, greetWaitMs: 0 }
  const stranger = await serve(t, { trusted: false, options })
  const first = await Client.open(stranger.port)
  assert.match(await first.reply(), /^220/)
  assert.match(await (await Client.open(stranger.port)).reply(), /^220/)
  assert.equal(
    await (await Client.open(stranger.port)).reply(),
    '421 4.7.0 mx.test Error: too many connections from 127.0.0.1',
  )
  await first.ask('QUIT')
  first.socket.end()
  await once(first.socket, 'close')
  while (stranger.service.connections > 1) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.match(await (await Client.open(stranger.port)).reply(), /^220/)
  const trusted = await serve(t, { options })
  for (let i = 0; i < 5; i++) assert.match(await (await Client.open(trusted.port)).reply(), /^220/)
})

test('a full house: the oldest unknown idle client makes room', async (t) => {
  const { port } = await serve(t, { trusted: false, options: { connections: 2, greetWaitMs: 0 } })
  const oldest = await Client.open(port)
  await oldest.reply()
  const second = await Client.open(port)
  await second.reply()
  assert.match(await (await Client.open(port)).reply(), /^220/)
  assert.equal(await oldest.reply(), '421 4.3.2 mx.test Error: all server ports are busy')
  assert.equal(await second.ask('NOOP'), '250 2.0.0 Ok')
})

test('RST and garbage at any moment: the process and the others go on', async (t) => {
  const { port, faults, handler, service } = await serve(t)
  const script = 'EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@local.test>\r\nDATA\r\nabc\r\n.\r\nQUIT\r\n'
  for (let at = 1; at < script.length; at += 3) {
    const client = await Client.open(port)
    client.socket.write(script.slice(0, at))
    if (at % 2 === 0) await client.reply()
    client.socket.resetAndDestroy()
  }
  for (let i = 0; i < 20; i++) {
    const client = await Client.open(port)
    client.socket.write(Buffer.from(Array.from({ length: 500 }, (_, k) => (k * 7919 + i * 31) & 255)))
    client.socket.end()
  }
  const survivor = await Client.open(port)
  await survivor.reply()
  assert.equal(await survivor.ask('NOOP'), '250 2.0.0 Ok')
  await survivor.ask('QUIT')
  while (service.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(handler.disconnects.length, handler.sessions.length)
  assert.deepEqual(faults, [])
})

test('a client that closes its side behind QUIT hears every answer', async (t) => {
  const { port, handler } = await serve(t)
  const client = await Client.open(port)
  client.socket.end('HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@local.test>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n')
  for (const code of ['220', '250', '250', '250', '354', '250', '221']) {
    assert.equal((await client.reply()).slice(0, 3), code)
  }
  assert.equal(handler.mails[0]?.text, 'hi\r\n')
})

test('a client that sends without end and never reads costs bounded memory', async (t) => {
  const { port } = await serve(t, { options: { junkCommandLimit: 1e9 } })
  const client = await Client.open(port)
  await client.reply()
  client.socket.pause()
  const block = Buffer.from('NOOP\r\n'.repeat(20_000))
  let sent = 0
  while (sent < 100 && client.socket.writableLength < 1_000_000) {
    client.socket.write(block)
    sent++
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(sent < 100, 'the server stopped reading')
  client.socket.destroy()
})

test('STRESS_README: while nearly all connections are taken, other limits hold', async (t) => {
  const options = { connections: 10, greetWaitMs: 0, stressed: { hardErrorLimit: 1 } }
  const { port, service } = await serve(t, { options })
  const clients: Client[] = []
  for (let i = 0; i < 8; i++) {
    const client = await Client.open(port)
    assert.match(await client.reply(), /^220/)
    clients.push(client)
  }
  const [first, second, ...others] = clients as [Client, Client, ...Client[]]
  assert.match(await first.ask('NONSENSE'), /^500/)
  assert.match(await first.ask('NOOP'), /^250/, 'no stress yet')
  assert.match(await (await Client.open(port)).reply(), /^220/, 'the ninth of ten')
  assert.match(await second.ask('NONSENSE'), /^500/)
  assert.match(await second.reply(), /^421 4\.7\.0 mx\.test Error: too many errors/)
  for (const { socket } of others) socket.destroy()
  while (service.connections > 3) await new Promise((resolve) => setTimeout(resolve, 5))
  const later = await Client.open(port)
  await later.reply()
  assert.match(await later.ask('NONSENSE'), /^500/)
  assert.match(await later.ask('NOOP'), /^250/, 'calm again')
})
