/** Clients that take a large message more slowly than it can be read: what they get is what was sent. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connect as connectSecure } from 'node:tls'
import type { MailServer } from '@posthorn/server'
import { ImapTalk } from './dialogue.ts'
import { alice, startForClients } from './mail-server.ts'

const line = (n: number): string => `${n} ${'.'.repeat(n % 3)} ${'text '.repeat(n % 17)}\r\n`
const message = `Subject: large\r\n\r\n${Array.from({ length: 150_000 }, (_, n) => line(n)).join('')}`
const digest = (octets: Buffer | string): string => createHash('sha256').update(octets).digest('hex')

let server: MailServer
before(async () => {
  server = await startForClients({})
  const talk = await ImapTalk.login(server.ports.imap, alice)
  assert.match(await talk.say(`APPEND INBOX {${message.length}+}\r\n${message}`), /OK /)
  talk.wire.close()
})
after(async () => await server.stop())

/** Says all, and takes what comes back with pauses. */
async function takeSlowly(socket: Socket, words: string): Promise<Buffer> {
  socket.write(words)
  const chunks: Buffer[] = []
  let count = 0
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer)
    if (++count % 8 === 0) await pause(count % 5)
  }
  return Buffer.concat(chunks)
}

const imapWords = `a LOGIN ${alice.address} "${alice.password}"\r\nb SELECT INBOX\r\nc FETCH 1 BODY.PEEK[]\r\nd LOGOUT\r\n`

for (const secrecy of ['in the clear', 'under TLS'] as const)
  test(`IMAP: a large message, ${secrecy}`, async () => {
    const { imap, imaps } = server.ports
    const socket =
      secrecy === 'in the clear'
        ? connect(imap, '127.0.0.1')
        : connectSecure({ port: imaps, host: '127.0.0.1', rejectUnauthorized: false })
    const got = await takeSlowly(socket, imapWords)
    const from = got.indexOf(`BODY[] {${message.length}}\r\n`)
    assert.ok(from > 0, got.subarray(0, 2000).toString())
    const start = got.indexOf('\n', from) + 1
    assert.equal(digest(got.subarray(start, start + message.length)), digest(message))
  })

test('POP3: a large message', async () => {
  const words = `USER ${alice.address}\r\nPASS ${alice.password}\r\nRETR 1\r\nQUIT\r\n`
  const got = (await takeSlowly(connect(server.ports.pop3, '127.0.0.1'), words)).toString('latin1')
  const from = got.indexOf(` octets\r\n`) + ' octets\r\n'.length
  const stuffed = got.slice(from, got.indexOf('\r\n.\r\n', from) + 2)
  assert.equal(digest(stuffed.replaceAll('\r\n.', '\r\n')), digest(message))
})
