/** What strangers throw at the ports. After each attack the next client is answered at once, in bounded memory. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { alice, bob, startForClients } from './mail-server.ts'
import { readMailbox, withImap } from './mailbox-reader.ts'
import { Wire } from './wire.ts'

let server: MailServer
before(async () => {
  server = await startForClients({
    mynetworks: '127.0.0.0/8',
    smtpd_client_connection_count_limit: '0',
    reading_client_connection_limit: '0',
    message_size_limit: '52428800',
  })
})
after(async () => await server.stop())

const ports = (): readonly number[] => [server.ports.smtp, server.ports.pop3, server.ports.imap]
const greetings = /220 |\+OK|\* OK/

/** A bystander gets its greeting promptly on every port. */
async function bystanderIsServed(): Promise<void> {
  for (const port of ports()) {
    const startedMs = performance.now()
    const wire = await Wire.open(port)
    await wire.hears(greetings, 2_000)
    wire.close()
    assert.ok(performance.now() - startedMs < 5_000, `port ${port} answered late`)
  }
}

test('random octets', async () => {
  for (const port of ports()) {
    for (let n = 0; n < 20; n++) {
      const wire = await Wire.open(port)
      await wire.hears(greetings)
      wire.send(randomBytes(4_096))
      wire.send('\r\n\r\n')
      await new Promise((resolve) => setImmediate(resolve))
      wire.close()
    }
  }
  await bystanderIsServed()
})

test('a line without an end', async () => {
  for (const port of ports()) {
    const before = process.memoryUsage().rss
    const wire = await Wire.open(port)
    await wire.hears(greetings)
    const chunk = Buffer.alloc(1 << 20, 0x41)
    for (let n = 0; n < 64 && !wire.closed; n++) {
      wire.send(chunk)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    await bystanderIsServed()
    wire.close()
    assert.ok(process.memoryUsage().rss - before < 150 << 20, 'memory grew with the line')
  }
})

test('huge literals announced before and after login', async () => {
  const wire = await Wire.open(server.ports.imap)
  await wire.hears(/\* OK/)
  wire.send('a LOGIN {4294967295}\r\n')
  await wire.hears(/a (BAD|NO)/)
  wire.send(`b LOGIN ${alice.address} "${alice.password}"\r\n`)
  await wire.hears(/b OK/)
  wire.send('c APPEND INBOX {99999999999}\r\n')
  await wire.hears(/c (BAD|NO)/)
  wire.send('d NOOP\r\n')
  await wire.hears(/d OK/)
  wire.close()
})

test('500 connections that stop in the middle of a command', async () => {
  const wires = await Promise.all(
    Array.from({ length: 500 }, async (_, n) => {
      const port = ports()[n % 3] ?? 0
      const wire = await Wire.open(port)
      await wire.hears(greetings)
      wire.send(['MAIL FROM:<a', 'USER al', 'a LOGIN {5'][n % 3] ?? '')
      return wire
    }),
  )
  await bystanderIsServed()
  for (const wire of wires) wire.close()
  await bystanderIsServed()
})

test('STARTTLS with plaintext pipelined behind it is discarded (CVE-2011-0411)', async () => {
  const attacks: readonly [port: number, hello: RegExp, before: string, upgrade: string, answer: RegExp][] = [
    [
      server.ports.smtp,
      /220 /,
      'EHLO x\r\n',
      'STARTTLS\r\nRSET\r\nMAIL FROM:<evil@example.net>\r\n',
      /220 2\.0\.0|5\d\d |4\d\d /,
    ],
    [server.ports.pop3, /\+OK/, 'CAPA\r\n', 'STLS\r\nCAPA\r\n', /\+OK Begin TLS|-ERR/],
    [server.ports.imap, /\* OK/, '', 'a STARTTLS\r\nb NOOP\r\n', /a (OK|BAD|NO)/],
  ]
  for (const [port, hello, first, upgrade, answer] of attacks) {
    const wire = await Wire.open(port)
    await wire.hears(hello)
    wire.send(first)
    wire.send(upgrade)
    await wire.hears(answer)
    await new Promise((resolve) => setTimeout(resolve, 200))
    assert.ok(
      !/250 2\.1\.0|b OK/.test(wire.heard),
      `port ${port} ran a command sent in the clear: ${wire.heard}`,
    )
    wire.close()
  }
  await bystanderIsServed()
})

test('HTTP to every port ends the connection (ALPACA, CVE-2021-3618)', async () => {
  const wire = await Wire.open(server.ports.smtp)
  await wire.hears(/220 /)
  wire.send('POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<a@b.example>\r\n')
  const heard = await wire.untilClosed()
  assert.ok(!/250 2\.1\.0/.test(heard))
})

test('SMTP smuggling: only CR LF . CR LF ends DATA', async () => {
  for (const [n, end] of [
    '\n.\n',
    '\n.\r\n',
    '\r\n.\n',
    '\r.\r',
    '\r\n.\r',
    '\r\r\n.\r\r\n',
    '\n.\r',
  ].entries()) {
    const wire = await Wire.open(server.ports.smtp)
    await wire.hears(/220 /)
    wire.send(`EHLO x\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<${bob.address}>\r\nDATA\r\n`)
    await wire.hears(/354 /)
    wire.send(
      `Subject: smuggle ${n}\r\n\r\nfirst${end}MAIL FROM:<evil@example.net>\r\nRCPT TO:<${bob.address}>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n`,
    )
    await wire.hears(/queued as|5\d\d 5|4\d\d 4/)
    wire.send('QUIT\r\n')
    await wire.untilClosed()
    assert.equal(
      wire.heard.match(/queued as/g)?.length ?? 0,
      /queued as/.test(wire.heard) ? 1 : 0,
      JSON.stringify(end),
    )
  }
  for (const { source } of await readMailbox(server.ports.imap, bob)) {
    assert.ok(!source.toString('latin1').startsWith('Return-Path: <evil'))
    assert.ok(!/(?<!\r)\n|\r(?!\n)/.test(source.toString('latin1')), 'a bare CR or LF was stored')
  }
})

async function sendRaw(message: Uint8Array): Promise<void> {
  const wire = await Wire.open(server.ports.smtp)
  await wire.hears(/220 /)
  wire.send(`EHLO x\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<${alice.address}>\r\nDATA\r\n`)
  await wire.hears(/354 /)
  wire.send(message)
  wire.send('\r\n.\r\n')
  await wire.hears(/queued as|5\d\d 5/, 30_000)
  wire.close()
}

test('MIME bombs: 10,000 parts, 1,000 levels, 100,000 addresses; the reader is served', async () => {
  const parts = `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\n\r\n'.repeat(20_000)}--b--`
  let deep = ''
  for (let n = 0; n < 1_000; n++) deep += `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`
  const addresses = `Subject: many\r\nTo: ${Array.from({ length: 100_000 }, (_, n) => `u${n}@example.org`).join(',\r\n ')}\r\n\r\nx`
  const comments = `Subject: comments\r\nFrom: ${'('.repeat(50_000)}${')'.repeat(50_000)} <a@b.example>\r\n\r\nx`
  const parameters = `Subject: parameters\r\nContent-Type: text/plain; ${Array.from({ length: 20_000 }, (_, n) => `x*${n}*=a`).join(';\r\n ')}\r\n\r\nx`
  for (const message of [parts, deep, addresses, comments, parameters]) {
    const startedMs = performance.now()
    await Promise.all([sendRaw(Buffer.from(message)), bystanderIsServed()])
    assert.ok(performance.now() - startedMs < 10_000)
  }
  await withImap(server.ports.imap, alice, async (client) => {
    await client.mailboxOpen('INBOX')
    for await (const message of client.fetch('1:*', { envelope: true, bodyStructure: true, uid: true }))
      assert.ok(message.uid > 0)
  })
  await bystanderIsServed()
})

test('resets in the middle of DATA, APPEND and a TLS handshake do no harm', async () => {
  for (let n = 0; n < 30; n++) {
    const smtp = await Wire.open(server.ports.smtp)
    smtp.send(`EHLO x\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<${alice.address}>\r\nDATA\r\n`)
    await smtp.hears(/354 /)
    smtp.send('Subject: half\r\n\r\nhalf a mess')
    smtp.socket.resetAndDestroy()
    const imap = await Wire.open(server.ports.imap)
    imap.send(`a LOGIN ${alice.address} "${alice.password}"\r\nb APPEND INBOX {1000+}\r\nhalf`)
    await imap.hears(/a OK/)
    imap.socket.resetAndDestroy()
    const tls = await Wire.open(server.ports.imaps)
    tls.send(Buffer.from('16030100f8010000f40303', 'hex'))
    tls.socket.resetAndDestroy()
  }
  await bystanderIsServed()
  for (const { source } of await readMailbox(server.ports.imap, alice))
    assert.ok(!source.includes('half a mess'))
})
