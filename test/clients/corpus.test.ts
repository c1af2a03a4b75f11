/**
 * Real input: the benchmark's corpus (GB18030, Big5, ISO-2022-JP headers, nested messages, attachments) goes in by
 * SMTP and by APPEND and comes back octet for octet over IMAP and POP3. CORPUS=10000 for all of it.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { createTransport } from 'nodemailer'
import { message } from '../../bench/corpus.mjs'
import { alice, bob, startForClients } from './mail-server.ts'
import { withImap } from './mailbox-reader.ts'
import { Wire } from './wire.ts'

const count = Number(process.env['CORPUS'] ?? 600)
const half = count >> 1

let server: MailServer
before(async () => {
  server = await startForClients({ mynetworks: '127.0.0.0/8', message_size_limit: '52428800' })
  await withImap(server.ports.imap, alice, async (client) => {
    for (let n = 0; n < half; n++) await client.append('INBOX', message(n), n % 3 === 0 ? ['\\Seen'] : [])
  })
  const transport = createTransport({
    host: '127.0.0.1',
    port: server.ports.smtp,
    ignoreTLS: true,
    pool: true,
    maxConnections: 4,
  })
  await Promise.all(
    Array.from({ length: count - half }, async (_, n) => {
      const envelope = { from: 'sender@example.net', to: [bob.address] }
      await transport.sendMail({ envelope, raw: message(half + n) })
    }),
  )
  transport.close()
})
after(async () => await server.stop())

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const wanted = (from: number, to: number, as = (bytes: Buffer): Uint8Array => bytes): Set<string> =>
  new Set(Array.from({ length: to - from }, (_, n) => digest(as(message(from + n)))))

/** Postfix: message_drop_headers: a Return-Path of our own client's making goes. */
const withoutReturnPath = (bytes: Buffer): Uint8Array =>
  bytes.subarray(0, 12).toString('latin1') === 'Return-Path:'
    ? bytes.subarray(bytes.indexOf('\r\n') + 2)
    : bytes

/** What the transfer put before the message: everything up to and with our Received field. */
function withoutTrace(source: Buffer): Buffer {
  const received = source.indexOf('Received: from ')
  let end = source.indexOf('\r\n', received)
  while (source[end + 2] === 9 || source[end + 2] === 32) end = source.indexOf('\r\n', end + 2)
  return source.subarray(end + 2)
}

test('APPEND to FETCH BODY[]: octet for octet', async () => {
  const left = wanted(0, half)
  await withImap(server.ports.imap, alice, async (client) => {
    await client.mailboxOpen('INBOX')
    for await (const one of client.fetch('1:*', {
      source: true,
      envelope: true,
      bodyStructure: true,
      size: true,
    })) {
      assert.equal(one.size, one.source?.length)
      assert.ok(left.delete(digest(one.source ?? Buffer.alloc(0))), `message ${one.seq} came back changed`)
    }
  })
  assert.equal(left.size, 0)
})

test('SMTP to FETCH BODY[]: octet for octet behind our own fields', async () => {
  const left = wanted(half, count, withoutReturnPath)
  await withImap(server.ports.imap, bob, async (client) => {
    await client.mailboxOpen('INBOX')
    for await (const one of client.fetch('1:*', { source: true, envelope: true })) {
      const source = one.source ?? Buffer.alloc(0)
      assert.match(source.subarray(0, 300).toString('latin1'), /^Return-Path: <sender@example\.net>\r\n/)
      assert.ok(left.delete(digest(withoutTrace(source))), `message ${one.seq} came back changed`)
    }
  })
  assert.equal(left.size, 0)
})

test('APPEND to RETR: octet for octet, all commands in one packet', async () => {
  const wire = await Wire.open(server.ports.pop3)
  await wire.hears(/\+OK/)
  wire.send(`USER ${alice.address}\r\nPASS ${alice.password}\r\n`)
  await wire.hears(/Logged in\.\r\n/)
  wire.heard = ''
  wire.send(Array.from({ length: half }, (_, n) => `RETR ${n + 1}\r\n`).join(''))
  wire.send('QUIT\r\n')
  const heard = await wire.untilClosed(120_000)
  const left = wanted(0, half)
  let at = 0
  for (let n = 0; n < half; n++) {
    const start = heard.indexOf('\r\n', at) + 2
    const end = heard.indexOf('\r\n.\r\n', start) + 2
    const text = heard.slice(start, end).replaceAll('\r\n..', '\r\n.')
    assert.ok(
      left.delete(digest(Buffer.from(text.startsWith('..') ? text.slice(1) : text, 'latin1'))),
      `message ${n + 1}`,
    )
    at = end + 3
  }
  assert.equal(left.size, 0)
})
