/** libetpan, the library of Claws Mail and MailCore: IMAP with CONDSTORE and QRESYNC, POP3, SMTP. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { alice, bob, eventually, startForClients } from './mail-server.ts'
import { readMailbox, withImap } from './mailbox-reader.ts'
import { inFolder, mustRun } from './run-client.ts'

const letter = (n: number): Buffer =>
  Buffer.from(
    `From: bob@example.org\r\nSubject: letter ${n}\r\nDate: Sat, 21 Nov 2026 10:0${n}:00 +0100\r\n` +
      `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nZeile ${n}: äöü\r\n`,
  )

test('libetpan: synchronises, reads, searches, changes over IMAP; reads over POP3; sends', async () => {
  const server = await startForClients()
  try {
    const { ports } = server
    await withImap(ports.imap, alice, async (client) => {
      for (const n of [1, 2, 3, 4, 5]) await client.append('INBOX', letter(n), [])
    })
    await inFolder(async (folder) => {
      const program = join(folder, 'libetpan')
      await mustRun('cc', ['-o', program, join(import.meta.dirname, 'libetpan.c'), '-letpan'])
      const to = [ports.imap, ports.pop3, ports.submission].map(String)
      const ran = await mustRun(program, [...to, alice.address, alice.password])
      assert.deepEqual(ran.stdout.trimEnd().split('\n'), [
        'enabled: 1',
        'modseq: some, uidvalidity: some',
        'changed: 1',
        'changed: 1, vanished: 2',
        'fetched: 4',
        'subject: letter 1',
        `year: ${new Date().getFullYear()}`,
        `size: ${letter(1).length}`,
        'search: 3',
        'sort: 5 4 3 1',
        'moved to: 1',
        'appended: 6',
        `pop3: 0, 4 messages, the first of ${letter(1).length} octets`,
        'smtp: 0',
      ])
    })
    assert.equal((await readMailbox(ports.imap, alice, 'et/pan')).length, 2)
    const sent = await eventually('the message', async () => {
      const [first] = await readMailbox(ports.imap, bob)
      return first?.source.toString()
    })
    // The empty line at the end is libetpan's: it puts CRLF before the last dot after a whole line too.
    assert.match(sent, /Subject: from libetpan\r\n(?:.+\r\n)*\r\n\.\r\n\.\.dot\r\n\r\n$/)
  } finally {
    await server.stop()
  }
})
