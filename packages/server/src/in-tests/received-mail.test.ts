import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTransport } from 'nodemailer'
import { type MailServerOptions, startMailServer } from '../index.ts'

const alice = { address: 'alice@example.org', password: 'secret' }

async function started(t: { after(end: () => Promise<void>): void }, options: MailServerOptions = {}) {
  const server = await startMailServer({
    accounts: [alice],
    parameters: { myhostname: 'example.org', smtpd_peername_lookup: 'no' },
    ...options,
  })
  t.after(() => server.stop())
  const transport = createTransport({ host: '127.0.0.1', port: server.ports.smtp, ignoreTLS: true })
  const send = (to: string, more: object = {}) =>
    transport.sendMail({ from: 'shop@shop.example', to, subject: 'hello', text: 'Grüße', ...more })
  return { server, send }
}

test('a test waits for what its program sends, and sees it parsed', async (t) => {
  const { server, send } = await started(t)
  const waiting = server.arrivals('alice@example.org', { count: 2 })
  await send('alice@example.org', {
    subject: 'Rechnung für Zoë',
    html: '<b>Grüße</b>',
    cc: '"Bob" <bob@elsewhere.example>',
    envelope: { from: 'bounces@shop.example', to: ['alice@example.org'] },
  })
  await send('alice@example.org', { attachments: [{ filename: 'ä.bin', content: Buffer.from([0, 255]) }] })
  const [first, second] = await waiting
  assert.equal(first?.subject, 'Rechnung für Zoë')
  assert.deepEqual([first?.sender, first?.recipient], ['bounces@shop.example', 'alice@example.org'])
  assert.deepEqual(
    [first?.from, first?.to, first?.cc],
    [['shop@shop.example'], ['alice@example.org'], ['bob@elsewhere.example']],
  )
  assert.deepEqual([first?.text?.trim(), first?.html], ['Grüße', '<b>Grüße</b>'])
  assert.match(first?.header('message-id') ?? '', /^<.+@shop\.example>$/)
  assert.equal(first?.header('X-None'), undefined)
  assert.deepEqual(
    second?.attachments.map(({ filename, contentType, content }) => [filename, contentType, [...content]]),
    [['ä.bin', 'application/octet-stream', [0, 255]]],
  )
  assert.match(second?.octets.toString('latin1') ?? '', /^Return-Path: <shop@shop\.example>\r\n/)
})

test('what does not come is an error that names what came', async (t) => {
  const { server, send } = await started(t)
  await send('alice@example.org')
  await assert.rejects(
    server.arrivals('alice@example.org', { count: 2, withinMs: 50 }),
    /^Error: Waited 50 ms for 2 messages in INBOX of alice@example\.org: only "hello" came$/,
  )
  await assert.rejects(server.messages('nobody@example.org'), /There is no account nobody@example\.org/)
  await assert.rejects(server.messages('alice@example.org', 'Bills'), /There is no mailbox Bills/)
})

test('the next test finds nothing of the one before, neither in mailboxes nor in the queue', async (t) => {
  const { server, send } = await started(t)
  await server.reload({ defer_transports: 'smtp' })
  await send('alice@example.org')
  await send('carol@elsewhere.example')
  assert.equal((await server.store.queue.list()).length, 1)
  await server.clear()
  assert.deepEqual(await server.messages('alice@example.org'), [])
  assert.deepEqual(await server.store.queue.list(), [])
  await send('alice@example.org', { subject: 'again' })
  assert.deepEqual(
    (await server.arrivals('alice@example.org')).map(({ subject }) => subject),
    ['again'],
  )
})

test('catchAll: whoever it is for, one account gets it, and accounts get their own', async (t) => {
  const { server, send } = await started(t, { catchAll: 'alice@example.org' })
  await send('someone@customer.example')
  await send('other@customer.example, third@customer.example')
  await server.addAccount('bob.b@example.org', 'secret')
  for (const to of ['bob.b@example.org', 'bob.b+tag@example.org', 'bobxb@example.org', 'nobody@example.org'])
    await send(to)
  const caught = await server.arrivals('alice@example.org', { count: 4 })
  assert.deepEqual(caught.map(({ recipient }) => recipient).sort(), [
    'bobxb@example.org',
    'nobody@example.org',
    'other@customer.example',
    'someone@customer.example',
  ])
  const own = await server.arrivals('bob.b@example.org', { count: 2 })
  assert.deepEqual(own.map(({ recipient }) => recipient).sort(), [
    'bob.b+tag@example.org',
    'bob.b@example.org',
  ])
  assert.deepEqual(await server.store.queue.list(), [])
})
