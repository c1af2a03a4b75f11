/**
 * npm run bench [-- MODE[,MODE…] [load.mjs options]]
 *
 * Starts Posthorn and, privately on loopback, Postfix + Dovecot twice, on maildir and on mdbox, all durable, and
 * runs every scenario on them in turns. Prints medians, the ratios to maildir of each round, and in the last
 * column how often Posthorn is as fast (or as small) as the better of the two peers in the same round.
 * Needs: apt-get install --no-install-recommends postfix dovecot-imapd dovecot-pop3d dovecot-lmtpd
 *
 *   npm run bench                                     the whole table (about 20 minutes)
 *   npm run bench -- smtp --sessions 10 --rounds 1    one scenario
 *   npm run bench -- only-ours smtp                   without the peers
 */
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type OurServer, startOurs } from './ours.ts'

const here = dirname(fileURLToPath(import.meta.url))
const peersPort = Number(process.env['BENCH_PEERS_PORT'] ?? 26_000)
/** The formats of Dovecot's to measure against, and where their ports begin. */
const peers = [
  { format: 'maildir', port: peersPort },
  { format: 'mdbox', port: peersPort + 2_000 },
] as const
type Peer = (typeof peers)[number]

const wholeTable: readonly (readonly string[])[] = [
  ['smtp', '--sessions', '1,10,50'],
  ['smtp', '--sessions', '10', '--rcpts', '10', '--messages', '500'],
  ['smtp', '--sessions', '10', '--per-conn', '1', '--messages', '1000'],
  ['idle', '--clients', '100'],
  ['imap'],
  ['imap-write'],
  ['pop3'],
  ['mix'],
]

function startPeer(folder: string, { format, port }: Peer): void {
  const log = join(folder, 'up.log')
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  // The daemons keep what they are given as output: a file, or the script would never seem to end.
  const up = spawnSync(
    'bash',
    ['-c', `"${join(here, 'peers.sh')}" "${folder}" ${format} > "${log}" 2>&1 < /dev/null`],
    {
      env: { ...process.env, PORTBASE: String(port) },
      stdio: 'ignore',
    },
  )
  if (up.status !== 0)
    throw new Error(
      `Postfix + Dovecot did not start; install them as the head of bench/run.ts says\n${readFileSync(log, 'utf8')}`,
    )
}

function peerTarget(folder: string, { format, port }: Peer, imapPort = port + 143): string {
  const pids = `${folder}/dovecot/run/master.pid+${folder}/queue/pid/master.pid`
  return `${format}=127.0.0.1:${port + 25}:${imapPort}:${port + 110}@${pids}`
}

function ourTarget(ours: OurServer, imapPort = ours.imapPort): string {
  return `ours=127.0.0.1:${ours.smtpPort}:${imapPort}:${ours.pop3Port}@${ours.pid}`
}

async function load(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [join(here, 'load.mjs'), ...args], { stdio: 'inherit' })
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  if (code !== 0) throw new Error(`load.mjs ${args.join(' ')} ended with ${code}`)
}

/** Memory needs servers at rest, so each target is measured alone, plain and then under TLS. */
async function memory(targets: readonly string[], tlsTargets: readonly string[]): Promise<void> {
  await load(['memory', ...targets, '--rounds', '1', '--conns', '100,500,1000'])
  await load(['memory', ...tlsTargets, '--rounds', '1', '--conns', '100,300', '--tls', '1'])
}

async function main(): Promise<void> {
  const args = process.argv.slice(2)
  const alone = args[0] === 'only-ours'
  if (alone) args.shift()
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-bench-'))
  // Postfix and Dovecot run as users of their own.
  chmodSync(folder, 0o755)
  const ours = await startOurs(join(folder, 'ours'))
  const beside = alone ? [] : peers.map((peer) => ({ peer, folder: join(folder, peer.format) }))
  try {
    for (const each of beside) startPeer(each.folder, each.peer)
    const flags = (ofPeer: (folder: string, peer: Peer) => string, ofOurs: string): string[] => {
      const all = [...beside.map((each) => ofPeer(each.folder, each.peer)), ofOurs]
      return all.flatMap((target, at) => [`--${'abcd'[at]}`, target])
    }
    const targets = flags(peerTarget, ourTarget(ours))
    const tlsTargets = flags(
      (path, peer) => peerTarget(path, peer, peer.port + 993),
      ourTarget(ours, ours.imapsPort),
    )
    if (args.length > 0) await load([args[0] ?? 'smtp', ...targets, '--settle', '3', ...args.slice(1)])
    else {
      await memory(targets, tlsTargets)
      for (const row of wholeTable)
        await load([...row.slice(0, 1), ...targets, '--settle', '3', ...row.slice(1)])
    }
    console.log(`\nload average at the end: ${readFileSync('/proc/loadavg', 'utf8').trim()}`)
  } finally {
    for (const each of beside) spawnSync(join(here, 'peers.sh'), ['down', each.folder])
    await ours.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()
