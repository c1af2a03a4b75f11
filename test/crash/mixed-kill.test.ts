/**
 * kill -9 of one worker, of the primary process, of all processes, under mail of every kind: SMTP in, POP3 with
 * DELE, IMAP APPEND, COPY, MOVE, STORE, EXPUNGE, CREATE, DELETE, and mail out through the queue. Each actor knows
 * what was answered; what was not may be done or not, whole.
 * CRASH_ROUNDS=100 npm run test:crash for the long form.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startOtherServer } from '../other-server.ts'
import { ImapActor, password } from './imap-actor.ts'
import { PostActor } from './post-actor.ts'
import { posthorn, type SpawnedServer, spawnServer } from './spawned-server.ts'

const rounds = Number(process.env['CRASH_ROUNDS'] ?? 6)
const operationsInRound = 20
const kinds = ['all', 'worker', 'primary'] as const
const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** A host elsewhere that takes mail, and now and then says "later". */
async function startElsewhere() {
  const arrived = new Map<string, number>()
  const { port, close } = await startOtherServer(
    ({ text }) => {
      const id = /X-Ledger: (\S+)/.exec(text)?.[1] ?? ''
      arrived.set(id, (arrived.get(id) ?? 0) + 1)
    },
    {
      onRcptTo: (_address, _session, callback) =>
        callback(Math.random() < 0.1 ? Object.assign(new Error('later'), { responseCode: 451 }) : null),
    },
  )
  return { port, arrived, close }
}

const workersOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number)

async function killSome(server: SpawnedServer, kind: (typeof kinds)[number]): Promise<void> {
  const workers = workersOf(server.child.pid ?? 0)
  if (kind === 'worker' && workers.length > 0) {
    process.kill(workers[Math.floor(Math.random() * workers.length)] as number, 'SIGKILL')
    return
  }
  const killed = server.kill()
  if (kind === 'all') for (const pid of workers) process.kill(pid, 'SIGKILL')
  await killed
}

for (const workers of [1, 3]) {
  test(`kill -9 under mixed load with ${workers} workers, ${rounds} times`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'posthorn-mixed-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const elsewhere = await startElsewhere()
    t.after(() => elsewhere.close())
    const lines = `disable_plaintext_auth = no\nworkers = ${workers}\nrelayhost = [127.0.0.1]:${elsewhere.port}
smtp_tls_security_level = none\nminimal_backoff_time = 1s\nqueue_run_delay = 1s\n`
    let server = await spawnServer(folder, lines)
    t.after(async () => await server.kill())
    const readers = Array.from({ length: 4 }, (_, n) => new ImapActor(`reader${n}@example.org`))
    const posters = Array.from({ length: 3 }, (_, n) => new PostActor(`poster${n}@example.org`))
    const operations = (): number => [...readers, ...posters].reduce((sum, each) => sum + each.operations, 0)
    for (const { user } of [...readers, ...posters]) {
      await posthorn(folder, 'user', 'add', user, '--password', password)
    }
    for (let round = 0; round < rounds; round++) {
      const kind = kinds[round % kinds.length] as (typeof kinds)[number]
      let isOver = false
      const present = server
      const pause = (): Promise<void> => Promise.resolve()
      // Whoever loses his connection comes again, until the end of the round.
      const again = async (work: () => Promise<void>): Promise<void> => {
        do await work()
        while (!isOver && (await delay(20).then(() => true)))
      }
      const all = Promise.all([
        ...readers.map((each) => again(() => each.work(present.imapPort, () => isOver, pause))),
        ...posters.map((each) => again(() => each.work(present, () => isOver, pause))),
      ])
      let failed = false
      const early = all.catch(() => {
        failed = true
      })
      await Promise.race([delay(400 + Math.random() * 1_200), early])
      // A slow machine gets the time that its share of the work needs.
      const giveUpMs = performance.now() + 60_000
      const isEnough = (): boolean => failed || operations() >= (round + 1) * operationsInRound
      while (!isEnough() && performance.now() < giveUpMs) await delay(20)
      await killSome(server, kind)
      // After the death of one worker the others go on.
      if (kind === 'worker' && workers > 1) await Promise.race([delay(600), early])
      isOver = true
      if (kind === 'worker' && workers > 1) await all
      else {
        await all
        server = await spawnServer(folder, lines)
      }
    }
    for (const each of readers) await each.verify(server.imapPort)
    for (const each of posters) await each.verify(server)
    const sentOut = posters.flatMap((each) => [...each.sentOut])
    const waitUntilMs = performance.now() + 60_000
    const missing = (): string[] => sentOut.filter((id) => !elsewhere.arrived.has(id))
    while (missing().length > 0 && performance.now() < waitUntilMs) await delay(100)
    assert.deepEqual(missing(), [], 'accepted for elsewhere, and lost')
    const twice = [...elsewhere.arrived.values()].filter((count) => count > 1).length
    t.diagnostic(`${operations()} operations, ${sentOut.length} sent out, ${twice} of them twice`)
    assert.ok(operations() >= rounds * operationsInRound)
    // RFC 5321 §4.5.4.1: what is being sent when the process dies is sent again.
    assert.ok(twice <= rounds * 20)
    assert.equal(await server.stop(), 0)
    await posthorn(folder, 'store', 'check')
  })
}
