/**
 * kill -9 of a server that passes mail on, with the ledger at both ends: what was answered 250 reaches every
 * recipient or comes back, once; twice only where SMTP leaves it open: docs/queue.md, "What a crash leaves".
 * CRASH_ROUNDS=50 npm run test:crash for the long form.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { SMTPServer } from 'smtp-server'
import { withImap } from '../clients/mailbox-reader.ts'
import { sendUntilKilled, worked } from './send-until-killed.ts'
import { posthorn, type SpawnedServer, spawnServer } from './spawned-server.ts'

const rounds = Number(process.env['CRASH_ROUNDS'] ?? 5)
const sessions = 8
/** Deliveries that may be between the other server's 250 and our settlement when the process dies. */
const underWay = 40
const alice = 'alice@example.org'
/** What the next server does with a recipient of that name. */
const kinds = ['plain', 'refused', 'later', 'slow', 'broken'] as const

interface Ledger {
  readonly acknowledged: Set<string>
  /** Recipient → how often the next server has said 250 to it. */
  readonly delivered: Map<string, number>
  /** Recipients that were put off, or cut off before the 250, once. */
  readonly seen: Set<string>
}

const kindOf = (address: string): string => address.slice(0, address.indexOf('.'))
const refusal = (code: number, text: string): Error => Object.assign(new Error(text), { responseCode: code })

/** Answers slowly, says 450 once, refuses one of many, breaks off before the 250. */
async function nextServer(t: TestContext, ledger: Ledger): Promise<number> {
  const once = (key: string): boolean => {
    if (ledger.seen.has(key)) return false
    ledger.seen.add(key)
    return true
  }
  const server: SMTPServer = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onRcptTo({ address }, _session, done) {
      if (kindOf(address) === 'refused') done(refusal(550, '5.1.1 no such user'))
      else if (kindOf(address) === 'later' && once(address)) done(refusal(450, '4.2.0 greylisted'))
      else done()
    },
    onData(stream, { envelope, id }, done) {
      const to = envelope.rcptTo.map(({ address }) => address)
      stream.resume()
      stream.on('end', () => {
        const broken = to.find((address) => kindOf(address) === 'broken' && once(address))
        if (broken !== undefined) {
          for (const connection of server.connections) if (connection.id === id) connection._socket.destroy()
          return
        }
        const answer = (): void => {
          for (const address of to) ledger.delivered.set(address, (ledger.delivered.get(address) ?? 0) + 1)
          done()
        }
        if (to.some((address) => kindOf(address) === 'slow')) setTimeout(answer, 100)
        else answer()
      })
    },
  })
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close(() => {}))
  const address = server.server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Sends until the connection breaks. */
const send = (port: number, who: string, ledger: Ledger): Promise<void> =>
  sendUntilKilled(
    port,
    (number) => {
      const id = `${kinds[number % kinds.length]}.${who}-${number}`
      const to = [`${id}@far.test`, `also.${who}-${number}@far.test`]
      return { id, from: alice, to, text: `Subject: ${id}\r\n\r\n${'x'.repeat(500)}` }
    },
    (id) => ledger.acknowledged.add(id),
  )

const bounces = (server: SpawnedServer): Promise<Map<string, number>> =>
  withImap(server.imapPort, { address: alice, password: 'secret' }, async (client) => {
    const found = new Map<string, number>()
    if ((await client.mailboxOpen('INBOX')).exists > 0)
      for await (const { source } of client.fetch('1:*', { source: true }))
        for (const [, address = ''] of (source?.toString() ?? '').matchAll(
          /^Final-Recipient: rfc822; ?(\S+)/gm,
        ))
          found.set(address, (found.get(address) ?? 0) + 1)
    return found
  })

async function emptied(folder: string): Promise<void> {
  const endMs = performance.now() + 60_000
  for (;;) {
    const queue = await posthorn(folder, 'mailq')
    if (queue.includes('Mail queue is empty')) return
    // What was under way at several deaths in a row is taken for their cause, and an administrator looks at it.
    if (queue.includes('attempts ended without a result')) await posthorn(folder, 'postsuper', '-H', 'ALL')
    assert.ok(performance.now() < endMs, `the queue is not empty: ${queue.slice(-2_000)}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

function judge(ledger: Ledger, returned: Map<string, number>): void {
  let twice = 0
  for (const id of ledger.acknowledged) {
    const recipients = [`${id}@far.test`, `also.${id.slice(id.indexOf('.') + 1)}@far.test`]
    for (const address of recipients) {
      const times = ledger.delivered.get(address) ?? 0
      if (kindOf(address) === 'refused')
        assert.deepEqual([times, returned.get(address)], [0, 1], `${address} came back once`)
      else {
        assert.ok(times > 0, `${address} was acknowledged and is lost`)
        assert.equal(returned.get(address), undefined, `${address} came back and arrived`)
        if (times > 1) twice++
      }
    }
  }
  assert.ok(twice <= rounds * underWay, `${twice} of ${ledger.acknowledged.size} arrived twice`)
}

test(`kill -9 of a relay, ${rounds} times, before a server that fails in every way: nothing lost, what is under way at most twice`, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-relay-kill-'))
  const ledger: Ledger = { acknowledged: new Set(), delivered: new Map(), seen: new Set() }
  const port = await nextServer(t, ledger)
  const extra = `relayhost = [127.0.0.1]:${port}\nsmtp_tls_security_level = none\ndisable_plaintext_auth = no
minimal_backoff_time = 1s\nmaximal_backoff_time = 2s\nqueue_run_delay = 1s\n`
  let server: SpawnedServer | undefined
  try {
    server = await spawnServer(folder, extra)
    await posthorn(folder, 'user', 'add', alice, '--password', 'secret')
    for (let round = 0; round < rounds; round++) {
      const { smtpPort } = server
      const load = Promise.all(
        Array.from({ length: sessions }, (_, n) => send(smtpPort, `${round}-${n}`, ledger)),
      )
      await worked(() => ledger.acknowledged.size, 6, 400)
      await server.kill()
      await load
      server = await spawnServer(folder, extra)
    }
    assert.ok(ledger.acknowledged.size > rounds * 5, `${ledger.acknowledged.size} acknowledged`)
    await emptied(folder)
    judge(ledger, await bounces(server))
    assert.equal(await server.stop(), 0)
    server = undefined
  } finally {
    await server?.kill()
    rmSync(folder, { recursive: true, force: true })
  }
})
