/**
 * node bench/local.ts [--messages 2000] [--sessions 10,50] [--size 6144] [--rounds 3]
 *
 * Local delivery with and without policy, two of our servers in turns: one plain; one with a greylist, three DNS lists,
 * a hundred rules of header_checks and body_checks (bench/policy.ts), and an alias on the way to the mailbox. A message is
 * in its mailbox when the client has its 250. Needs Debian's postfix (smtp-source), nsd, postgrey, and root.
 */
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cpuOf } from './cpu.ts'
import { type OurServer, startOurs } from './ours.ts'
import { startPolicy } from './policy.ts'

const firstPort = Number(process.env['BENCH_PORT'] ?? 27_000)
const greylistPort = Number(process.env['BENCH_SINK_PORT'] ?? 28_025) + 1

interface Target {
  readonly name: string
  readonly server: OurServer
  readonly to: string
}

const source = async (port: number, options: readonly (string | number)[]): Promise<number> => {
  const args = [...options, '-f', 'a@sender.example', `127.0.0.1:${port}`].map(String)
  const child = spawn('smtp-source', args, { stdio: 'ignore' })
  return await new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)))
}

async function run({ name, server, to }: Target, sessions: number, messages: number, size: number) {
  const cpuBefore = cpuOf([server.pid])
  const startedMs = performance.now()
  const code = await source(server.smtpPort, ['-d', '-s', sessions, '-m', messages, '-l', size, '-t', to])
  if (code !== 0) throw new Error(`smtp-source ended with ${code}`)
  const perSecond = Math.round((messages / (performance.now() - startedMs)) * 1000)
  const cpuMs = ((cpuOf([server.pid]) - cpuBefore) * 1000) / messages
  console.log(
    `${name.padEnd(7)} sessions ${String(sessions).padStart(3)}: delivered ${perSecond}/s, ${cpuMs.toFixed(2)} ms CPU a message`,
  )
  return { perSecond, cpuMs }
}

/** Until the greylist lets the client through at once. */
async function becomeKnown({ server, to }: Target): Promise<void> {
  for (let attempt = 0, passed = 0; passed < 10; attempt++) {
    if (attempt > 60) throw new Error('the greylist never let the client through')
    if ((await source(server.smtpPort, ['-m', 1, '-t', to])) === 0) passed++
    else await new Promise((resolve) => setTimeout(resolve, 600))
  }
}

/** Until neither has texts to make of what came in: who is second would have the other's beside it. */
async function settled(servers: readonly OurServer[]): Promise<void> {
  const used = (): number => cpuOf(servers.map(({ pid }) => pid))
  const pause = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 400))
  await pause()
  for (let before = used(), left = 50; left > 0; left--) {
    await pause()
    const now = used()
    if (now - before <= 0.02) return
    before = now
  }
}

const median = (list: readonly number[]): number =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      messages: { type: 'string', default: '2000' },
      sessions: { type: 'string', default: '10,50' },
      size: { type: 'string', default: '6144' },
      rounds: { type: 'string', default: '3' },
    },
  })
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-local-'))
  chmodSync(folder, 0o755)
  const policy = startPolicy(join(folder, 'policy'), greylistPort)
  const servers: OurServer[] = []
  try {
    const aliases = join(folder, 'aliases')
    writeFileSync(aliases, 'team: first\nfirst: u0\n')
    servers.push(await startOurs(join(folder, 'plain')))
    servers.push(
      await startOurs(
        join(folder, 'all'),
        `${policy.posthorn}alias_maps = hash:${aliases}\n`,
        firstPort + 3_000,
      ),
    )
    const [plainServer, policyServer] = servers as [OurServer, OurServer]
    const plain: Target = { name: 'plain', server: plainServer, to: 'u0@bench.test' }
    const all: Target = { name: 'all', server: policyServer, to: 'team@bench.test' }
    await becomeKnown(all)
    for (const sessions of values.sessions.split(',').map(Number)) {
      const ratios: number[] = []
      for (let round = 0; round < Number(values.rounds); round++) {
        const rates: number[] = []
        // Who is first has the other's texts to make beside it.
        for (const target of round % 2 === 0 ? [plain, all] : [all, plain]) {
          const { perSecond } = await run(target, sessions, Number(values.messages), Number(values.size))
          rates[target === plain ? 0 : 1] = perSecond
          await settled(servers)
        }
        ratios.push((rates[1] ?? 0) / (rates[0] ?? 1))
      }
      console.log(`  all/plain at ${sessions} sessions: ${median(ratios).toFixed(2)}`)
    }
  } finally {
    for (const server of servers) await server.stop()
    policy.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()
