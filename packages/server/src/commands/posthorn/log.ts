import { open, stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { type LogLine, logFile, parseLogLine, readLog } from '../maillog-reader.ts'
import { printable } from '../postfix/queue-listing.ts'
import { CommandError, exit } from '../shell.ts'
import { locateSite } from '../site.ts'
import type { CommandContext } from './context.ts'

interface LogOptions {
  readonly follow?: boolean
  readonly id?: string
  readonly address?: string
  readonly service?: string
  readonly client?: string
  readonly since?: string
  readonly until?: string
  readonly lines?: string
  readonly all?: boolean
}

/** `posthorn log`: the lines of the server's log that tell of one message, address, client, service or time. */
export function addLogCommand(program: Command, { shell, site, finish }: CommandContext): void {
  program
    .command('log [text]')
    .description('the log, or those of its lines that hold all that is asked for')
    .option('-f, --follow', 'go on with what is written from now on')
    .option('-i, --id <queue-id>', 'of this message')
    .option('-a, --address <address>', 'with this address, in whichever case')
    .option('-s, --service <name>', 'of this service: smtpd, qmgr, imap-login')
    .option('--client <address>', 'of this client: a host name or an IP address')
    .option('--since <time>', 'from then on: 14:30, "2026-11-21 14:30", or 30m, 2h, 1d ago')
    .option('--until <time>', 'until then')
    .option('-n, --lines <count>', 'the last ones only')
    .option('--all', 'in the rotated files too')
    .action(async (text: string | undefined, options: LogOptions) => {
      const { config } = locateSite(shell, site())
      const wanted = filterOf(text, options, shell.now())
      const show = (line: LogLine): void => shell.out(`${printable(line.whole)}\n`)
      const limit = countOf(options.lines)
      const last: LogLine[] = []
      let found = 0
      for await (const line of readLog(config, options.all === true ? 'rotated-too' : 'current')) {
        if (!wanted(line)) continue
        found++
        if (limit === undefined) show(line)
        else if (last.push(line) > limit) last.shift()
      }
      for (const line of last) show(line)
      if (options.follow === true) for await (const line of newLines(config)) if (wanted(line)) show(line)
      // As grep: nothing found is worth an exit code.
      if (found === 0) finish(exit.failure)
    })
}

function countOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,7}$/.test(text)) throw new CommandError(`not a number: ${text}`, exit.usage)
  return Number(text)
}

export function filterOf(
  text: string | undefined,
  options: LogOptions,
  nowMs: number,
): (line: LogLine) => boolean {
  const tests: ((line: LogLine) => boolean)[] = []
  const { id, address, service, client } = options
  if (text !== undefined) tests.push(({ whole }) => whole.includes(text))
  if (id !== undefined) tests.push(({ queueId }) => queueId === id)
  if (address !== undefined) {
    const lower = address.replace(/^<(.*)>$/, '$1').toLowerCase()
    tests.push(({ text: body }) => body.toLowerCase().includes(`<${lower}>`))
  }
  if (service !== undefined)
    tests.push((line) => line.service === service || line.text.startsWith(`${service}:`))
  if (client !== undefined)
    tests.push(
      ({ text: body }) =>
        body.includes(`[${client}]`) || body.includes(` ${client}[`) || body.includes(`=${client}[`),
    )
  const sinceMs = options.since === undefined ? undefined : timeOf(options.since, nowMs)
  const untilMs = options.until === undefined ? undefined : timeOf(options.until, nowMs)
  if (sinceMs !== undefined) tests.push(({ time }) => lineTime(time, nowMs) >= sinceMs)
  if (untilMs !== undefined) tests.push(({ time }) => lineTime(time, nowMs) <= untilMs)
  return (line) => tests.every((one) => one(line))
}

const unitMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** `30m` ago, `14:30` of today (yesterday when that is still to come), `2026-11-21`, `2026-11-21 14:30`. */
export function timeOf(text: string, nowMs: number): number {
  const ago = /^(\d{1,6})([smhdw])$/.exec(text)
  if (ago !== null) return nowMs - Number(ago[1]) * (unitMs[ago[2] ?? ''] ?? 0)
  const clock = /^(\d{1,2}):(\d\d)(?::(\d\d))?$/.exec(text)
  if (clock !== null) {
    const at = new Date(nowMs)
    at.setHours(Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0), 0)
    return at.getTime() > nowMs ? at.getTime() - 86_400_000 : at.getTime()
  }
  const day = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?))?$/.exec(text)
  const ms = day === null ? Number.NaN : new Date(`${day[1]}T${day[2] ?? '00:00'}`).getTime()
  if (Number.isNaN(ms))
    throw new CommandError(`not a time: "${text}" (30m, 14:30, "2026-11-21 14:30")`, exit.usage)
  return ms
}

/** Lines have no year: theirs is the one that puts them before now. */
function lineTime(time: string, nowMs: number): number {
  const year = new Date(nowMs).getFullYear()
  const ms = new Date(`${time} ${year}`).getTime()
  return ms > nowMs + 86_400_000 ? new Date(`${time} ${year - 1}`).getTime() : ms
}

const lookMs = 250
const chunkBytes = 1 << 16

/** What is written after now, through rotations, until the process ends. */
async function* newLines(config: Config): AsyncGenerator<LogLine> {
  const path = logFile(config)
  let file = await open(path, 'r')
  let { ino, size: at } = await file.stat()
  let pending = ''
  const chunk = Buffer.alloc(chunkBytes)
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunkBytes, at)
    at += bytesRead
    const lines = (pending + chunk.toString('latin1', 0, bytesRead)).split('\n')
    pending = lines.pop() ?? ''
    for (const whole of lines) {
      const line = parseLogLine(Buffer.from(whole, 'latin1').toString('utf8'))
      if (line !== undefined) yield line
    }
    if (bytesRead > 0) continue
    await delay(lookMs)
    const now = await stat(path).catch(() => undefined)
    if (now === undefined || (now.ino === ino && now.size >= at)) continue
    await file.close()
    file = await open(path, 'r')
    ino = now.ino
    at = 0
  }
}
