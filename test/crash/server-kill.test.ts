/**
 * kill -9 under load, with the ledger outside: what was answered 250 or OK is there, once, octet for octet;
 * what was not answered is there at most once and whole; UIDs and UIDVALIDITY hold.
 * CRASH_ROUNDS=200 npm run test:crash for the long form.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ImapFlow } from 'imapflow'
import { withImap } from '../clients/mailbox-reader.ts'
import { sendUntilKilled, worked } from './send-until-killed.ts'
import { posthorn, type SpawnedServer, spawnServer } from './spawned-server.ts'

const rounds = Number(process.env['CRASH_ROUNDS'] ?? 6)
const alice = 'alice@example.org'

interface Ledger {
  readonly sent: Set<string>
  readonly acknowledged: Set<string>
  readonly uids: Map<string, number>
  uidValidity: bigint | undefined
}

const body = (id: string): string => `${id}-`.repeat(40 + ((id.length * 37) % 300))

/** Sends until the connection breaks. */
const sendBySmtp = (port: number, who: string, ledger: Ledger): Promise<void> =>
  sendUntilKilled(
    port,
    (number) => {
      const id = `${who}.${number}`
      ledger.sent.add(id)
      const text = `Subject: ledger\r\nX-Ledger: ${id}\r\n\r\n${body(id)}`
      return { id, from: 's@example.net', to: [alice], text }
    },
    (id) => ledger.acknowledged.add(id),
  )

async function appendByImap(port: number, who: string, ledger: Ledger): Promise<void> {
  const client = new ImapFlow({
    host: '127.0.0.1',
    port,
    secure: false,
    tls: { rejectUnauthorized: false },
    auth: { user: alice, pass: 'secret' },
    logger: false,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    for (let n = 0; ; n++) {
      const id = `${who}.${n}`
      ledger.sent.add(id)
      const done = await client.append('INBOX', `Subject: ledger\r\nX-Ledger: ${id}\r\n\r\n${body(id)}\r\n`)
      if (done === false) return
      ledger.acknowledged.add(id)
    }
  } catch {
    client.close()
  }
}

const check = (server: SpawnedServer, ledger: Ledger): Promise<void> =>
  withImap(server.imapPort, { address: alice, password: 'secret' }, async (client) => {
    const opened = await client.mailboxOpen('INBOX')
    ledger.uidValidity ??= opened.uidValidity
    assert.equal(opened.uidValidity, ledger.uidValidity)
    const seen = new Set<string>()
    if (opened.exists > 0)
      for await (const message of client.fetch('1:*', { uid: true, source: true })) {
        const text = message.source?.toString() ?? ''
        const id = /X-Ledger: (\S+)/.exec(text)?.[1] ?? ''
        assert.ok(ledger.sent.has(id), `a message that nobody sent: ${text.slice(0, 200)}`)
        assert.ok(!seen.has(id), `${id} is there twice`)
        assert.ok(text.endsWith(`\r\n\r\n${body(id)}\r\n`), `${id} is not whole`)
        const uid = ledger.uids.get(id)
        assert.ok(uid === undefined || uid === message.uid, `${id} changed its UID`)
        ledger.uids.set(id, message.uid)
        seen.add(id)
      }
    for (const id of ledger.acknowledged) assert.ok(seen.has(id), `${id} was acknowledged and is lost`)
  })

test(`kill -9 under SMTP and APPEND load, ${rounds} times: nothing acknowledged is lost or doubled`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-crash-'))
  const ledger: Ledger = { sent: new Set(), acknowledged: new Set(), uids: new Map(), uidValidity: undefined }
  let server: SpawnedServer | undefined
  try {
    server = await spawnServer(folder, 'disable_plaintext_auth = no\n')
    await posthorn(folder, 'user', 'add', alice, '--password', 'secret')
    for (let round = 0; round < rounds; round++) {
      const { smtpPort, imapPort } = server
      const load = [
        ...Array.from({ length: 8 }, (_, n) => sendBySmtp(smtpPort, `s${round}.${n}`, ledger)),
        ...Array.from({ length: 3 }, (_, n) => appendByImap(imapPort, `a${round}.${n}`, ledger)),
      ]
      const all = Promise.all(load)
      await worked(() => ledger.acknowledged.size, 10, 500)
      await server.kill()
      await all
      server = await spawnServer(folder, 'disable_plaintext_auth = no\n')
      await check(server, ledger)
    }
    assert.ok(
      ledger.acknowledged.size > rounds,
      `only ${ledger.acknowledged.size} messages were acknowledged`,
    )
    assert.equal(await server.stop(), 0)
    await posthorn(folder, 'store', 'check')
  } finally {
    await server?.kill()
    rmSync(folder, { recursive: true, force: true })
  }
})
