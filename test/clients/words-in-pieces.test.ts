/** Clients that write a command, or a message and its end, in pieces, and whose TCP sends one when the last is acknowledged. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { connect as connectSecure } from 'node:tls'
import type { MailServer } from '@posthorn/server'
import { alice, startForClients } from './mail-server.ts'
import { Wire } from './wire.ts'

/** Linux waits 40 ms with an acknowledgement that it could send with something else. */
const delayMs = 40
const rounds = 15

let server: MailServer
before(async () => {
  server = await startForClients()
})
after(async () => await server.stop())

/** Each piece in a packet of its own. ms for all of them and the answer: the third best of all rounds. */
async function roundMs(wire: Wire, pieces: readonly string[], answer: RegExp): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    wire.heard = ''
    const startMs = performance.now()
    for (const piece of pieces) wire.send(piece)
    await wire.hears(answer)
    times.push(performance.now() - startMs)
  }
  return times.sort((a, b) => a - b)[2]!
}

const onLinux = { skip: process.platform === 'linux' ? false : 'other systems delay otherwise' }

for (const secrecy of ['in the clear', 'under TLS'] as const)
  test(`IMAP ${secrecy}: a command in pieces, as Ruby's Net::IMAP writes it`, onLinux, async () => {
    const { imap, imaps } = server.ports
    const wire =
      secrecy === 'in the clear'
        ? await Wire.open(imap)
        : new Wire(connectSecure({ port: imaps, host: '127.0.0.1', rejectUnauthorized: false }))
    await wire.hears(/^\* OK .*\r\n/)
    wire.send(`a LOGIN ${alice.address} "${alice.password}"\r\n`)
    await wire.hears(/\r\na OK|^a OK/m)
    const ms = await roundMs(wire, ['b ', 'STATUS', ' ', 'INBOX', ' (MESSAGES)', '\r\n'], /b OK/)
    assert.ok(ms < delayMs / 2, `${ms} ms`)
    const appendMs = await roundMs(wire, ['c APPEND INBOX {5+}\r\n', 'hello', '\r\n'], /c OK/)
    assert.ok(appendMs < delayMs / 2, `${appendMs} ms`)
    wire.close()
  })

test(
  'SMTP: a message by lines and the last dot apart, as Net::SMTP and msmtp write them',
  onLinux,
  async () => {
    const wire = await Wire.open(server.ports.smtp)
    await wire.hears(/^220 .*\r\n/)
    wire.send('EHLO client.example.net\r\n')
    await wire.hears(/\r\n250 .*\r\n/)
    const times: number[] = []
    for (let round = 0; round < rounds; round++) {
      wire.heard = ''
      wire.send(`MAIL FROM:<>\r\nRCPT TO:<${alice.address}>\r\nDATA\r\n`)
      await wire.hears(/^354 /m)
      const startMs = performance.now()
      for (const piece of ['Subject: x\r\n', '\r\n', 'text\r\n', '.\r\n']) wire.send(piece)
      await wire.hears(/queued as/)
      times.push(performance.now() - startMs)
    }
    const ms = times.sort((a, b) => a - b)[2]!
    assert.ok(ms < delayMs / 2, `${ms} ms`)
    wire.close()
  },
)

test('POP3: a command in pieces', onLinux, async () => {
  const wire = await Wire.open(server.ports.pop3)
  await wire.hears(/^\+OK .*\r\n/)
  const ms = await roundMs(wire, ['CA', 'PA', '\r\n'], /\r\n\.\r\n/)
  assert.ok(ms < delayMs / 2, `${ms} ms`)
  wire.close()
})
