/**
 * Moderate load for a long time, with a model beside it, and once a minute what the server holds: memory, open
 * files, sizes on disk. Everything must level off. Beside the actors of the crash tests: TLS, IDLE, bounces,
 * greylisted strangers, connections that break.
 *
 *   node bench/soak.ts FOLDER [MINUTES] [PAUSE_MS] [WORKERS]
 *
 * Heap snapshots of all processes are made in FOLDER/probe when a file heap-0, heap-1 … appears there.
 */
import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ImapActor, password } from '../test/crash/imap-actor.ts'
import { PostActor } from '../test/crash/post-actor.ts'
import { posthorn, spawnServer } from '../test/crash/spawned-server.ts'
import { freePorts } from '../test/free-port.ts'
import { collector, idler, stranger, submitter } from './soak-visitors.ts'

const [folder = '', minutes = '30', pauseMs = '1500', workers = '2'] = process.argv.slice(2)
if (folder === '') throw new Error('node bench/soak.ts FOLDER [MINUTES] [PAUSE_MS] [WORKERS]')

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number)

const megabytes = (octets: number): string => (octets / 1e6).toFixed(1)

/** Resident, and of that what no other process shares and no file backs. */
const residentMb = (pid: number): string => {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(rollup)?.[1])
  return `rss ${megabytes(kilobytes('Rss') * 1024)} anon ${megabytes(kilobytes('Pss_Anon') * 1024)}`
}

/** What the probe in the process wrote last. */
const heapOf = (pid: number): string => {
  try {
    const last =
      readFileSync(join(probeFolder, `${pid}.jsonl`), 'utf8')
        .trimEnd()
        .split('\n')
        .at(-1) ?? ''
    const { heapUsed, alive, external, arrayBuffers, handles } = JSON.parse(last)
    const cells = Object.entries(handles).map(([kind, count]) => `${kind} ${count}`)
    return `heap ${megabytes(heapUsed)} alive ${megabytes(alive)} ext ${megabytes(external)} buf ${megabytes(arrayBuffers)} [${cells.join(', ')}]`
  } catch {
    return 'heap -'
  }
}

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

const probeFolder = join(folder, 'probe')
mkdirSync(probeFolder, { recursive: true })
process.env['SOAK_PROBE'] = probeFolder
process.env['NODE_OPTIONS'] = `--import ${join(import.meta.dirname, 'soak-probe.mjs')}`
const [submissionPort = 0, imapsPort = 0, pop3sPort = 0] = await freePorts(3)
const server = await spawnServer(
  folder,
  `disable_plaintext_auth = no
workers = ${workers}
relayhost = [127.0.0.1]:9
minimal_backoff_time = 10s
queue_run_delay = 5s
maximal_queue_lifetime = 60s
bounce_queue_lifetime = 60s
mynetworks = 127.0.0.1/32
greylist = yes
greylist_delay = 10s
greylist_retry_window = 3m
greylist_max_age = 3m
greylist_vouchers =
imaps_port = ${imapsPort}
pop3s_port = ${pop3sPort}
maillog_file = ${folder}/maillog
`,
  { submissionPort },
)
delete process.env['NODE_OPTIONS']
const readers = Array.from({ length: 8 }, (_, n) => new ImapActor(`reader${n}@example.org`))
const posters = Array.from({ length: 4 }, (_, n) => new PostActor(`poster${n}@example.org`))
const friends = Array.from({ length: 4 }, (_, n) => `friend${n}@example.org`)
const friend = (n: number): string => friends[n % friends.length] as string
const visitors = [
  ...Array.from({ length: 6 }, (_, n) => idler(friend(n), password)),
  ...Array.from({ length: 2 }, (_, n) => collector(friend(n), password)),
  ...Array.from({ length: 3 }, (_, n) => submitter(friend(n), password, friend(n + 1))),
  ...Array.from({ length: 6 }, (_, n) => stranger(friend(n))),
]
for (const user of [...readers, ...posters].map((each) => each.user).concat(friends))
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
const ports = { ...server, submissionPort, imapsPort, pop3sPort }
let faults = 0
const visits = async (visitor: (typeof visitors)[number]): Promise<void> => {
  while (!isOver()) {
    await visitor.visit(ports).catch((error: unknown) => {
      faults++
      console.error(visitor.name, error)
    })
    await pause()
  }
}
const working = Promise.all([
  ...visitors.map(visits),
  ...readers.map((each) => sessions((until) => each.work(server.imapPort, until, pause))),
  ...posters.map((each) => sessions((until) => each.work(server, until, pause))),
])
working.catch((error: unknown) => console.error(error))
const pids = [server.child.pid ?? 0, ...childrenOf(server.child.pid ?? 0)]
for (let minute = 0; !isOver(); minute++) {
  const cells = pids.map(
    (pid) => `${residentMb(pid)} ${heapOf(pid)} ${openFiles(pid)} ${cpuSeconds(pid).toFixed(0)}s`,
  )
  const operations = [...readers, ...posters, ...visitors].reduce((sum, each) => sum + each.operations, 0)
  console.log(`${minute} min  ${operations} ops  ${sizes(join(folder, 'store'))}`)
  for (const cell of cells) console.log(`    ${cell}`)
  await Promise.race([delay(60_000), working])
}
await working
for (const each of readers) await each.verify(server.imapPort)
for (const each of posters) await each.verify(server)
console.log(`ended with ${await server.stop()}`)
console.log(await posthorn(folder, 'store', 'check'))
if (faults > 0) throw new Error(`${faults} visits failed`)
