/**
 * node bench/relay.ts [--messages 2000] [--sessions 10,50] [--size 6144] [--rounds 1] [--policy] [only-ours]
 *
 * Mail in from smtp-source and out to smtp-sink through Posthorn and, in the same run, through Postfix with
 * `relayhost = [127.0.0.1]:SINK`, both durable. A round ends when the sink has all messages. Prints messages/s and the
 * CPU time a message has cost the server. With --policy mail passes a greylist (postgrey, ours), three DNS lists and
 * a hundred rules of header_checks and body_checks (bench/policy.ts). Needs Debian's postfix (smtp-source, smtp-sink) and dovecot (bench/peers.sh).
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cpuOf } from './cpu.ts'
import { type OurServer, startOurs } from './ours.ts'
import { type PolicyBench, startPolicy } from './policy.ts'

const here = dirname(fileURLToPath(import.meta.url))
const peersPort = Number(process.env['BENCH_PEERS_PORT'] ?? 26_000)
const sinkPort = Number(process.env['BENCH_SINK_PORT'] ?? 28_025)

interface Target {
  readonly name: string
  readonly port: number
  /** Seconds of CPU that the server has used. */
  readonly cpuSeconds: () => number
}

/** smtp-sink does not run as root. */
const asNobody = process.getuid?.() === 0 ? ['-u', 'nobody'] : []

/** smtp-sink, and how many messages it has taken. */
class Sink {
  readonly #child: ChildProcess
  taken = 0

  constructor() {
    this.#child = spawn('smtp-sink', [...asNobody, '-c', '-m', '500', `127.0.0.1:${sinkPort}`, '1000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      const counts = [...chunk.toString().matchAll(/mesg=(\d+)/g)]
      const last = counts.at(-1)?.[1]
      if (last !== undefined) this.taken = Number(last)
    })
  }

  async has(count: number, limitMs: number): Promise<void> {
    const endMs = performance.now() + limitMs
    while (this.taken < count) {
      if (performance.now() > endMs) throw new Error(`the sink has ${this.taken} of ${count} messages`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  stop(): void {
    this.#child.kill('SIGTERM')
  }
}

const run = async (target: Target, sink: Sink, sessions: number, messages: number, size: number) => {
  const before = sink.taken
  const cpuBefore = target.cpuSeconds()
  const startedMs = performance.now()
  const source = spawn(
    'smtp-source',
    [
      // A session is kept for message after message.
      '-d',
      '-s',
      sessions,
      '-m',
      messages,
      '-l',
      size,
      '-f',
      'a@bench.test',
      '-t',
      'x@far.example',
      `127.0.0.1:${target.port}`,
    ].map(String),
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const sent = new Promise<number>((resolve) =>
    source.once('exit', () => resolve(performance.now() - startedMs)),
  )
  await sink.has(before + messages, 40_000)
  const allMs = performance.now() - startedMs
  const inMs = await sent
  const cpuMs = ((target.cpuSeconds() - cpuBefore) * 1000) / messages
  const perSecond = (ms: number): number => Math.round((messages / ms) * 1000)
  console.log(
    `${target.name.padEnd(8)} sessions ${String(sessions).padStart(3)}: relayed ${perSecond(allMs)}/s, accepted ${perSecond(inMs)}/s, ${cpuMs.toFixed(2)} ms CPU a message`,
  )
  return perSecond(allMs)
}

const trusted = 'smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination\n'

function startPostfix(folder: string, relay: string, policy: PolicyBench | undefined): Target {
  mkdirSync(folder, { mode: 0o755 })
  const extra = relay + (policy?.postfix ?? trusted)
  const environment = { ...process.env, PORTBASE: String(peersPort), POSTFIX_EXTRA: extra }
  const up = `"${join(here, 'peers.sh')}" "${folder}" maildir > "${folder}.log" 2>&1 < /dev/null`
  // A mount namespace of their own gives them their own DNS server.
  const named = policy === undefined ? '' : `mount --bind "${policy.resolvConf}" /etc/resolv.conf && `
  const command = policy === undefined ? 'bash' : 'unshare'
  const args = policy === undefined ? ['-c', up] : ['-m', 'bash', '-c', named + up]
  spawnSync(command, args, { env: environment, stdio: 'ignore' })
  const pid = Number(readFileSync(join(folder, 'queue', 'pid', 'master.pid'), 'utf8'))
  return { name: 'postfix', port: peersPort + 25, cpuSeconds: () => cpuOf([pid]) }
}

/** Messages until the greylist lets the client through at once. */
async function becomeKnown(target: Target, sink: Sink): Promise<void> {
  const before = sink.taken
  for (let attempt = 0; attempt < 20 && sink.taken < before + 10; attempt++) {
    const address = `127.0.0.1:${target.port}`
    const source = ['-m', '3', '-f', 'a@bench.test', '-t', 'x@far.example', address]
    spawnSync('smtp-source', source, { stdio: 'ignore' })
    await new Promise((resolve) => setTimeout(resolve, 600))
  }
  if (sink.taken < before + 10) throw new Error(`${target.name} never let the client through`)
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      messages: { type: 'string', default: '2000' },
      sessions: { type: 'string', default: '10,50' },
      size: { type: 'string', default: '6144' },
      rounds: { type: 'string', default: '1' },
      policy: { type: 'boolean', default: false },
    },
  })
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-relay-'))
  chmodSync(folder, 0o755)
  const alone = positionals.includes('only-ours')
  const peersFolder = join(folder, 'peers')
  const sink = new Sink()
  const policy = values.policy ? startPolicy(join(folder, 'policy'), sinkPort + 1) : undefined
  const relay = `relayhost = [127.0.0.1]:${sinkPort}\n`
  const extra = `${relay}smtp_tls_security_level = none\n${policy?.posthorn ?? ''}`
  let ours: OurServer | undefined
  try {
    const own = await startOurs(join(folder, 'ours'), extra)
    ours = own
    const targets: Target[] = [{ name: 'posthorn', port: own.smtpPort, cpuSeconds: () => cpuOf([own.pid]) }]
    if (!alone) targets.unshift(startPostfix(peersFolder, relay, policy))
    if (policy !== undefined) for (const target of targets) await becomeKnown(target, sink)
    for (const sessions of values.sessions.split(',').map(Number)) {
      for (let round = 0; round < Number(values.rounds); round++) {
        const rates: number[] = []
        for (const target of targets)
          rates.push(await run(target, sink, sessions, Number(values.messages), Number(values.size)))
        const [peers, own] = rates
        if (own !== undefined && peers !== undefined)
          console.log(`  ours/postfix ${(own / peers).toFixed(2)}`)
      }
    }
  } finally {
    if (!alone) spawnSync(join(here, 'peers.sh'), ['down', peersFolder])
    await ours?.stop()
    policy?.stop()
    sink.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()
