/**
 * kill -9 of one of three workers at random moments, and reloads between: mail, IMAP and POP3 go on through the
 * others, whoever idles is told of each acknowledged message, and what the dead one held counts no more.
 * CRASH_ROUNDS=100 npm run test:crash for the long form.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ImapTalk, SmtpTalk } from '../clients/dialogue.ts'
import { eventually } from '../clients/mail-server.ts'
import { readMailbox } from '../clients/mailbox-reader.ts'
import { ImapActor, password } from './imap-actor.ts'
import { PostActor } from './post-actor.ts'
import { posthorn, type SpawnedServer, spawnServer } from './spawned-server.ts'

const rounds = Number(process.env['CRASH_ROUNDS'] ?? 4)
const watched = { address: 'watched@example.org', password }
const watcherCount = 4
const sessionLimit = 12
const waitMs = 120_000

const workersOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number)

/** Idles; comes again when its worker is killed. */
class Watcher {
  #talk: ImapTalk | undefined
  comings = 0

  /** As many messages as it was told of, by SELECT or since. */
  get told(): number {
    const all = [...(this.#talk?.wire.heard ?? '').matchAll(/^\* (\d+) EXISTS\r/gm)]
    return Number(all.at(-1)?.[1] ?? 0)
  }

  async comeAgain(port: number): Promise<void> {
    while (this.#talk === undefined || this.#talk.wire.closed) {
      this.#talk?.wire.close()
      this.#talk = undefined
      try {
        const talk = await ImapTalk.login(port, watched)
        await talk.say('SELECT INBOX', waitMs)
        talk.wire.send('i IDLE\r\n')
        this.#talk = talk
        this.comings++
      } catch {
        // Its worker was killed while it came.
        await delay(20)
      }
    }
  }

  leave(): void {
    this.#talk?.wire.close()
  }
}

/** Sends until it is over, and counts what was acknowledged; `sent`: what may be there. */
async function send(
  server: SpawnedServer,
  who: string,
  ledger: { sent: Set<string>; acknowledged: Set<string> },
  isOver: () => boolean,
): Promise<void> {
  for (let number = 0; !isOver(); number++) {
    try {
      const talk = await SmtpTalk.open(server.smtpPort)
      for (let each = 0; each < 5 && !isOver(); each++) {
        const id = `${who}.${number}.${each}.`
        ledger.sent.add(id)
        const text = `Subject: watched\r\nX-Ledger: ${id}\r\n\r\n${id.repeat(50)}\r\n`
        const answer = await talk.message('s@example.net', watched.address, text)
        assert.match(answer, /^250 /)
        ledger.acknowledged.add(id)
      }
      talk.wire.close()
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error
      await delay(20)
    }
  }
}

/** As many sessions as one user may have, and not one more: those of workers that died are free. */
async function fillSessions(port: number): Promise<number> {
  const open: ImapTalk[] = []
  try {
    while (open.length <= sessionLimit) open.push(await ImapTalk.login(port, watched))
  } catch {
    // That was one too many.
  }
  for (const talk of open) talk.wire.close()
  return open.length
}

test(`kill -9 of one of three workers, ${rounds} times: nothing is lost, watchers are told, nothing stays held`, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-workers-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const server = await spawnServer(
    folder,
    `disable_plaintext_auth = no\nworkers = 3\nmail_max_userip_connections = ${sessionLimit}\n`,
  )
  t.after(async () => await server.kill())
  const readers = Array.from({ length: 2 }, (_, n) => new ImapActor(`reader${n}@example.org`))
  const posters = Array.from({ length: 2 }, (_, n) => new PostActor(`poster${n}@example.org`))
  for (const user of [
    ...readers.map(({ user }) => user),
    ...posters.map(({ user }) => user),
    watched.address,
  ])
    await posthorn(folder, 'user', 'add', user, '--password', password)
  const watchers = Array.from({ length: watcherCount }, () => new Watcher())
  const ledger = { sent: new Set<string>(), acknowledged: new Set<string>() }
  let isEnding = false
  const isOver = (): boolean => isEnding
  const again = async (work: () => Promise<unknown>): Promise<void> => {
    while (!isEnding) {
      await work()
      await delay(20)
    }
  }
  const pause = (): Promise<unknown> => delay(5)
  const working = Promise.all([
    ...watchers.map((each) => again(() => each.comeAgain(server.imapPort))),
    ...readers.map((each) => again(() => each.work(server.imapPort, isOver, pause))),
    ...posters.map((each) => again(() => each.work(server, isOver, pause))),
    ...['a', 'b'].map((who) => send(server, who, ledger, isOver)),
  ])
  let failure: unknown
  working.catch((error: unknown) => {
    failure = error
  })
  const primary = server.child.pid as number
  for (let round = 0; round < rounds; round++) {
    const enough = ledger.acknowledged.size + 10
    await eventually(
      'mail goes on',
      async () => {
        assert.ifError(failure)
        return ledger.acknowledged.size >= enough && workersOf(primary).length === 3 ? true : undefined
      },
      waitMs,
    )
    await delay(Math.random() * 300)
    const workers = workersOf(primary)
    process.kill(workers[Math.floor(Math.random() * workers.length)] as number, 'SIGKILL')
    if (round % 2 === 1) await posthorn(folder, 'reload')
  }
  await eventually(
    'three workers again',
    async () => (workersOf(primary).length === 3 ? true : undefined),
    waitMs,
  )
  const acknowledged = ledger.acknowledged.size
  await eventually(
    'each watcher is told of all that was acknowledged',
    async () => {
      assert.ifError(failure)
      return watchers.every(({ told }) => told >= acknowledged) ? true : undefined
    },
    waitMs,
  )
  isEnding = true
  await working
  for (const each of watchers) each.leave()
  for (const each of readers) await each.verify(server.imapPort)
  for (const each of posters) await each.verify(server)
  await eventually(
    'what dead workers held is free',
    async () => ((await fillSessions(server.imapPort)) === sessionLimit ? true : undefined),
    waitMs,
  )
  const found = (await readMailbox(server.imapPort, watched, 'INBOX')).map(
    ({ source }) => /X-Ledger: (\S+)/.exec(source.toString('latin1'))?.[1] ?? '',
  )
  assert.equal(new Set(found).size, found.length, 'each is there once')
  for (const id of ledger.acknowledged) assert.ok(found.includes(id), `${id} was acknowledged and is lost`)
  for (const id of found) assert.ok(ledger.sent.has(id), `${id} was never sent`)
  const comings = watchers.reduce((sum, each) => sum + each.comings, 0)
  t.diagnostic(`${ledger.acknowledged.size} acknowledged, watchers came ${comings} times`)
  assert.equal(await server.stop(), 0)
  assert.match(await posthorn(folder, 'store', 'check'), /: ok/)
})
