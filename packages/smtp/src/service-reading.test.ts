import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client, serve } from './service-fixture.ts'

const lines = (count: number): string =>
  Array.from(
    { length: count },
    (_, at) => `${'.'.repeat(at % 3 === 0 ? 1 : 0)}line ${at} ${'x'.repeat(at % 70)}\r\n`,
  ).join('')

const stuffed = (text: string): string => text.replace(/^\./gm, '..')

const envelope = async (client: Client): Promise<void> => {
  assert.match(await client.ask('MAIL FROM:<a@x.test>'), /^250/)
  assert.match(await client.ask('RCPT TO:<b@local.test>'), /^250/)
  assert.match(await client.ask('DATA'), /^354/)
}

test('a handler that is busy makes the client wait; every octet comes, in its order', async (t) => {
  const { port, handler, faults } = await serve(t, { options: { messageSizeLimitBytes: 0 } })
  const client = await Client.open(port)
  await client.reply()
  await client.ask('EHLO c.test')
  await envelope(client)
  let goOn = (): void => undefined
  const held = new Promise<void>((resolve) => {
    goOn = resolve
  })
  handler.slow = () => held
  const text = lines(400_000)
  client.socket.end(`${stuffed(text)}.\r\nQUIT\r\n`)
  const other = await Client.open(port)
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  assert.ok(client.socket.writableLength > 0, 'what no buffer of the system takes waits at the client')
  handler.slow = () => undefined
  goOn()
  assert.equal(await client.reply(), '250 2.0.0 Ok: queued as ABC123')
  assert.equal(await client.reply(), '221 2.0.0 Bye')
  assert.ok(handler.mails[0]?.text === text, 'as it was sent')
  assert.match(await other.reply(), /^220/)
  assert.deepEqual(faults, [])
})

test('RFC 3207 §4: STARTTLS behind a message in the clear, and a message under TLS', async (t) => {
  const { port, handler, faults } = await serve(t)
  const client = await Client.open(port)
  await client.reply()
  await client.ask('EHLO c.test')
  const text = lines(8_000)
  for (const how of ['clear', 'secure']) {
    await envelope(client)
    client.socket.write(`${stuffed(text)}.\r\n`)
    assert.match(await client.reply(), /^250/, how)
    if (how === 'secure') break
    assert.equal(await client.ask('STARTTLS'), '220 2.0.0 Ready to start TLS')
    await client.startTls()
    assert.match(await client.ask('EHLO c.test'), /^250/)
  }
  assert.ok(handler.mails.every((mail) => mail.text === text))
  assert.deepEqual(
    handler.mails.map(({ protocol }) => protocol),
    ['ESMTP', 'ESMTPS'],
  )
  assert.equal(await client.ask('QUIT'), '221 2.0.0 Bye')
  assert.deepEqual(faults, [])
})

test('octets one by one, and a line cut anywhere', async (t) => {
  const { port, handler } = await serve(t)
  const client = await Client.open(port)
  client.socket.setNoDelay(true)
  await client.reply()
  const talk = 'EHLO c.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@local.test>\r\nDATA\r\n..one\r\n.\r\n'
  for (const octet of talk) await new Promise((resolve) => client.socket.write(octet, resolve))
  for (const code of [250, 250, 250, 354, 250]) assert.equal(Number((await client.reply()).slice(0, 3)), code)
  assert.equal(handler.mails[0]?.text, '.one\r\n')
})

test('RFC 2920 §3.1: commands far ahead of their answers, the last one torn, keep nobody waiting', async (t) => {
  const { port, handler, faults } = await serve(t, { options: { recipientLimit: 10_000 } })
  const client = await Client.open(port)
  await client.reply()
  await client.ask('EHLO c.test')
  const held = Promise.withResolvers<void>()
  handler.slow = () => held.promise
  const recipients = Array.from({ length: 9_000 }, (_, at) => `RCPT TO:<user${at}@local.test>\r\n`).join('')
  // More than the session keeps while the handler is busy; nothing follows before it is answered.
  const torn = recipients.length - 9
  client.socket.write(`MAIL FROM:<a@x.test>\r\n${recipients.slice(0, torn)}`)
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  handler.slow = () => undefined
  held.resolve()
  for (let answered = 0; answered < 9_000; answered++) assert.match(await client.reply(), /^250/)
  client.socket.write(recipients.slice(torn))
  assert.match(await client.reply(), /^250/)
  assert.deepEqual(faults, [])
})
