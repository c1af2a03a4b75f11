/**
 * Moderate load for a long time, with a model beside it, and once a minute what the server holds: memory, open
 * files, sizes on disk. Everything must level off.
 *
 *   node bench/soak.ts FOLDER [MINUTES] [PAUSE_MS] [WORKERS]
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ImapActor, password } from '../test/crash/imap-actor.ts'
import { PostActor } from '../test/crash/post-actor.ts'
import { posthorn, spawnServer } from '../test/crash/spawned-server.ts'

const [folder = '', minutes = '30', pauseMs = '1500', workers = '2'] = process.argv.slice(2)
if (folder === '') throw new Error('node bench/soak.ts FOLDER [MINUTES] [PAUSE_MS] [WORKERS]')

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number)

const field = (pid: number, name: string): number =>
  Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024

/** Of kinds: sockets come and go with the clients. */
const openFiles = (pid: number): string => {
  const kinds = { files: 0, sockets: 0, deleted: 0 }
  for (const name of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const target = readlinkSync(`/proc/${pid}/fd/${name}`)
      if (target.endsWith('(deleted)')) kinds.deleted++
      else if (target.startsWith('/')) kinds.files++
      else kinds.sockets++
    } catch {
      // Closed meanwhile.
    }
  }
  return `${kinds.files}+${kinds.sockets}s${kinds.deleted > 0 ? ` ${kinds.deleted} deleted` : ''}`
}

const cpuSeconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const sizes = (store: string): string =>
  ['index.mdb', 'segments', 'log', 'journal', 'texts', 'processes']
    .map((name) => {
      const path = join(store, name)
      const stat = statSync(path, { throwIfNoEntry: false })
      if (stat === undefined) return `${name} -`
      if (stat.isFile()) return `${name} ${(stat.size / 1e6).toFixed(1)}`
      const files = readdirSync(path).map(
        (each) => statSync(join(path, each), { throwIfNoEntry: false })?.size ?? 0,
      )
      return `${name} ${(files.reduce((sum, size) => sum + size, 0) / 1e6).toFixed(1)} (${files.length})`
    })
    .join('  ')

const server = await spawnServer(
  folder,
  `disable_plaintext_auth = no\nworkers = ${workers}\nrelayhost = [127.0.0.1]:9\nminimal_backoff_time = 60s\n`,
)
const readers = Array.from({ length: 8 }, (_, n) => new ImapActor(`reader${n}@example.org`))
const posters = Array.from({ length: 4 }, (_, n) => new PostActor(`poster${n}@example.org`))
for (const { user } of [...readers, ...posters])
  await posthorn(folder, 'user', 'add', user, '--password', password)
const endMs = performance.now() + Number(minutes) * 60_000
const isOver = (): boolean => performance.now() > endMs
const pause = (): Promise<unknown> => delay(Number(pauseMs) * (0.5 + Math.random()))
/** Comes and goes: each stays for a minute at most. */
const sessions = async (work: (until: () => boolean) => Promise<void>): Promise<void> => {
  while (!isOver()) {
    const untilMs = performance.now() + Math.random() * 60_000
    await work(() => isOver() || performance.now() > untilMs)
  }
}
const working = Promise.all([
  ...readers.map((each) => sessions((until) => each.work(server.imapPort, until, pause))),
  ...posters.map((each) => sessions((until) => each.work(server, until, pause))),
])
working.catch((error: unknown) => console.error(error))
const pids = [server.child.pid ?? 0, ...childrenOf(server.child.pid ?? 0)]
for (let minute = 0; !isOver(); minute++) {
  const cells = pids.map(
    (pid) => `${field(pid, 'VmRSS').toFixed(0)}M ${openFiles(pid)} ${cpuSeconds(pid).toFixed(0)}s`,
  )
  const operations = [...readers, ...posters].reduce((sum, each) => sum + each.operations, 0)
  console.log(`${minute} min  ${operations} ops  ${cells.join(' | ')}  ${sizes(join(folder, 'store'))}`)
  await Promise.race([delay(60_000), working])
}
await working
for (const each of readers) await each.verify(server.imapPort)
for (const each of posters) await each.verify(server)
console.log(`ended with ${await server.stop()}`)
console.log(await posthorn(folder, 'store', 'check'))
