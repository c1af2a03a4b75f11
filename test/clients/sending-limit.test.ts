import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTransport } from 'nodemailer'
import { alice, bob, eventually, startForClients } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'

test('account_recipient_rate_limit: a stolen password is stopped, and postmaster reads of it', async (t) => {
  const server = await startForClients({
    account_recipient_rate_limit: '2',
    administrator: alice.address,
    alias_maps: '',
  })
  t.after(async () => await server.stop())
  const transport = createTransport({
    host: '127.0.0.1',
    port: server.ports.submission,
    tls: { rejectUnauthorized: false },
    auth: { user: bob.address, pass: bob.password },
  })
  t.after(() => transport.close())
  const send = () =>
    transport.sendMail({ from: bob.address, to: bob.address, subject: 'spam', text: 'x' }).then(
      () => 'sent',
      (error: Error) => error.message,
    )
  assert.equal(await send(), 'sent')
  assert.equal(await send(), 'sent')
  assert.match(await send(), /450 4\.7\.1 Error: too many recipients from bob@example\.org/)
  assert.match(await send(), /450 4\.7\.1/)
  const told = await eventually('a message to postmaster', async () => {
    const messages = await readMailbox(server.ports.imap, alice)
    return messages.length > 0 ? messages.map(({ source }) => source.toString()) : undefined
  })
  assert.equal(told.length, 1)
  assert.match(told[0] ?? '', /^Return-Path: <>\r\n/)
  assert.match(told[0] ?? '', /\r\nSubject: bob@example\.org sends more than the limit\r\n/)
  assert.match(told[0] ?? '', /posthorn user disable bob@example\.org/)
})
