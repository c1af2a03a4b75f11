/** Dovecot's own formats are read by nobody but Dovecot: what is in them comes over IMAP, from the living server. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { withImap } from '../clients/mailbox-reader.ts'
import { mustRun, runClient } from '../clients/run-client.ts'
import { startPeers } from './postfix-dovecot.ts'

const bin = new URL('../../bin/posthorn', import.meta.url).pathname
const u50 = { address: 'u50@bench.test', password: 'secret' }

for (const [format, portBase] of [
  ['mdbox', 27_300],
  ['sdbox', 27_700],
] as const) {
  test(`from a living Dovecot with ${format}: UIDs, flags and keywords; then the difference`, async (t) => {
    const peers = await startPeers(portBase, format)
    t.after(() => peers.stop())
    const root = mkdtempSync(join(tmpdir(), 'posthorn-import-dbox-'))
    t.after(() => rmSync(root, { recursive: true }))
    const append = async (n: number, mailbox = 'INBOX') =>
      withImap(peers.imapPort, u50, (client) =>
        client.append(
          mailbox,
          `Subject: number ${n}\r\n\r\nLine of ${n}\r\n`,
          [],
          new Date(1_700_000_000_000),
        ),
      )
    await withImap(peers.imapPort, u50, async (client) => {
      await client.mailboxCreate('Lists/Größe')
    })
    for (let n = 1; n <= 6; n++) await append(n)
    await append(7, 'Lists/Größe')
    await withImap(peers.imapPort, u50, async (client) => {
      const lock = await client.getMailboxLock('INBOX')
      await client.messageDelete('2')
      await client.messageFlagsAdd('1', ['\\Flagged', 'Work'])
      lock.release()
    })
    const site = join(root, 'site')
    mkdirSync(site, { mode: 0o700 })
    writeFileSync(
      join(site, 'main.cf'),
      'myhostname = mail.example.org\nmyorigin = example.org\nalias_maps =\n',
    )
    writeFileSync(join(root, 'password'), 'secret\n')
    await mustRun(bin, ['-c', site, 'user', 'add', 'alice@example.org', '--password', 'x'])
    const bring = (...more: string[]) =>
      runClient(bin, [
        ...['-c', site, 'import', 'imap', 'alice', '127.0.0.1', '--port', String(peers.imapPort)],
        ...['--security', 'plain', '--user', u50.address, '--password-file', join(root, 'password'), ...more],
      ])
    const first = await bring()
    assert.equal(first.code, 0, first.stdout + first.stderr)
    assert.match(first.stdout, /^INBOX +5 new .* same +UIDs kept$/m)
    assert.match(first.stdout, /^Lists\/Größe +1 new .* same +UIDs kept$/m)
    await append(8)
    const last = await bring('--delete')
    assert.equal(last.code, 0, last.stdout + last.stderr)
    assert.match(last.stdout, /^INBOX +1 new .*there 6 ([0-9a-f]+) +here 6 \1 +same/m)
  })
}
