/**
 * node bench/queue.ts [--messages 100000] [--slow 10000]
 *
 * A queue of messages that wait for a dead destination: how soon `postqueue -p` says its first line, what memory the
 * server takes, and whether mail for a living destination (smtp-sink) goes on meanwhile; how late it arrives there while
 * another destination with many messages answers slowly.
 * Needs Debian's postfix for smtp-source and smtp-sink.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openStore } from '@posthorn/storage'
import { createTransport } from 'nodemailer'
import { SMTPServer } from 'smtp-server'
import { startOurs } from './ours.ts'

const here = dirname(fileURLToPath(import.meta.url))
const cli = join(here, '..', 'packages', 'server', 'src', 'main.js')
const sinkPort = Number(process.env['BENCH_SINK_PORT'] ?? 28_025)
const batch = 500

/** Half of them are due at once, half later: as a queue is after some hours. */
async function fill(directory: string, messages: number, slow: number, slowPort: number): Promise<void> {
  const store = await openStore({ directory })
  const nowMs = Date.now()
  const content = Buffer.from(`Subject: waits\r\n\r\n${'x'.repeat(70)}\r\n`.repeat(20))
  for (let from = 0; from < messages; from += batch) {
    const count = Math.min(batch, messages - from)
    await Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const writer = store.messages.stage()
        await writer.write(content)
        const at = from + i
        const isSlow = at < slow
        const dueMs = isSlow || at % 2 === 0 ? nowMs : nowMs + 3_600_000 + at
        const nextHop = isSlow ? `[127.0.0.1]:${slowPort}` : '[127.0.0.1]:9'
        const route = { kind: 'queued', transport: 'smtp', nextHop, dueMs } as const
        await store.queue.accept({
          message: await writer.finish(),
          entry: {
            queueId: store.queue.newId(nowMs),
            sender: 'a@bench.test',
            recipients: [{ address: `user${at}@dead.example`, route }],
            options: {},
            origin: { clientName: 'localhost', clientAddress: '127.0.0.1', helo: 'x', protocol: 'ESMTP' },
            arrivedMs: nowMs - 7_200_000,
          },
        })
      }),
    )
  }
  await store.close()
}

/** Resident memory in MB: all of it, and without pages of mapped files, which the system takes back when it needs them. */
const memoryOf = (pid: number): string => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const megabytes = (name: string): number =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024)
  return `${megabytes('VmRSS')} MB, without mapped files ${megabytes('RssAnon')} MB`
}

/** ms until the first line, and until the end, of a command; how many lines it said. */
async function command(
  mainCf: string,
  name: string,
  ...args: readonly string[]
): Promise<{ firstMs: number; allMs: number; lines: number; said: string }> {
  const startedMs = performance.now()
  const child = spawn(process.execPath, [cli, name, '-c', dirname(mainCf), ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let firstMs = 0
  let lines = 0
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    if (firstMs === 0) firstMs = performance.now() - startedMs
    if (said.length < 4_096) said += chunk.toString('latin1')
    for (const octet of chunk) if (octet === 10) lines++
  })
  await new Promise((resolve) => child.once('close', resolve))
  return { firstMs: Math.round(firstMs), allMs: Math.round(performance.now() - startedMs), lines, said }
}

/** Messages/s through the server to a destination that lives. */
async function relayed(port: number, messages: number): Promise<number> {
  const startedMs = performance.now()
  const to = [
    '-d',
    '-s',
    '10',
    '-m',
    String(messages),
    '-l',
    '6144',
    '-f',
    'a@bench.test',
    '-t',
    'x@live.example',
  ]
  const source = spawn('smtp-source', [...to, `127.0.0.1:${port}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  await new Promise((resolve) => source.once('exit', resolve))
  return Math.round((messages / (performance.now() - startedMs)) * 1000)
}

/** A server that takes mail after a while; tells of each message when it has it. */
async function startTaker(delayMs: number, taken: (subject: string) => void) {
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData(stream, _session, done) {
      let head = ''
      stream.on('data', (chunk: Buffer) => {
        if (head.length < 4_096) head += chunk.toString('latin1')
      })
      stream.on('end', () => {
        taken(/^Subject: (.*?)\r?$/m.exec(head)?.[1] ?? '')
        setTimeout(done, delayMs)
      })
    },
  })
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () => server.close(() => {}),
  }
}

/** From our 250 to the arrival at a quick server, ms: half of the messages, 99 of 100. */
async function lateness(port: number, arrived: Map<string, number>, messages: number): Promise<string> {
  const transport = createTransport({
    host: '127.0.0.1',
    port,
    ignoreTLS: true,
    pool: true,
    maxConnections: 1,
  })
  const accepted = new Map<string, number>()
  for (let n = 0; n < messages; n++) {
    const subject = `quick ${n}`
    await transport.sendMail({ from: 'a@bench.test', to: 'x@quick.example', subject, text: 'x' })
    accepted.set(subject, performance.now())
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  transport.close()
  const endMs = performance.now() + 60_000
  while (arrived.size < messages && performance.now() < endMs)
    await new Promise((resolve) => setTimeout(resolve, 50))
  const waits = [...accepted]
    .map(([subject, at]) => Math.max(0, (arrived.get(subject) ?? Number.POSITIVE_INFINITY) - at))
    .toSorted((a, b) => a - b)
  const at = (share: number): number => Math.round(waits[Math.floor((waits.length - 1) * share)] ?? 0)
  return `half within ${at(0.5)} ms, 99 of 100 within ${at(0.99)} ms, ${arrived.size} of ${messages} there`
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { messages: { type: 'string', default: '100000' }, slow: { type: 'string', default: '10000' } },
  })
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-queue-bench-'))
  const asNobody = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const sink = spawn('smtp-sink', [...asNobody, `127.0.0.1:${sinkPort}`, '1000'], { stdio: 'ignore' })
  const filledMs = performance.now()
  const arrived = new Map<string, number>()
  const slow = await startTaker(5_000, () => {})
  const quick = await startTaker(0, (subject) => arrived.set(subject, performance.now()))
  await fill(join(folder, 'store'), Number(values.messages), Number(values.slow), slow.port)
  console.log(`filled in ${Math.round((performance.now() - filledMs) / 1000)} s`)
  const extra = `relayhost = [127.0.0.1]:${sinkPort}\nsmtp_tls_security_level = none\ntransport_maps = inline:{quick.example=smtp:[127.0.0.1]:${quick.port}}\n`
  const ours = await startOurs(folder, extra)
  try {
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    console.log(`memory after the start: ${memoryOf(ours.pid)}`)
    const mainCf = join(folder, 'main.cf')
    let queueId = ''
    for (const form of ['-p', '-p', '-j']) {
      const { firstMs, allMs, lines, said } = await command(mainCf, 'postqueue', form)
      queueId = /^([0-9A-Za-z]+)[ *!#]/m.exec(said)?.[1] ?? queueId
      console.log(`postqueue ${form}: first line ${firstMs} ms, ${lines} lines in ${allMs} ms`)
    }
    const shown = await command(mainCf, 'postcat', '-q', queueId)
    console.log(`postcat -q: ${shown.lines} lines in ${shown.allMs} ms`)
    console.log(`memory after the listings: ${memoryOf(ours.pid)}`)
    console.log(`mail for a quick destination meanwhile: ${await lateness(ours.smtpPort, arrived, 200)}`)
    console.log(`mail for a living destination meanwhile: ${await relayed(ours.smtpPort, 1000)}/s accepted`)
    console.log(`memory: ${memoryOf(ours.pid)}`)
    const removed = await command(mainCf, 'postsuper', '-d', 'ALL')
    console.log(`postsuper -d ALL: ${removed.allMs} ms, memory ${memoryOf(ours.pid)}`)
  } finally {
    await ours.stop()
    sink.kill('SIGTERM')
    slow.close()
    quick.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()
