import { getopt } from '../getopt.ts'
import { type LogLine, readLog } from '../maillog-reader.ts'
import { exit, type Shell } from '../shell.ts'
import { locateSite } from '../site.ts'

interface Counts {
  messagesFrom: number
  octetsFrom: number
  messagesTo: number
  octetsTo: number
  rejected: number
}

/** Counts of the mail that the log tells of, by the way it came and went. Sendmail: mailstats(8). */
export async function mailstats(args: readonly string[], shell: Shell): Promise<number> {
  const options = getopt(args, 'c:C:f:op', 'mailstats [-c config_dir]')
  const { config } = locateSite(shell, { config: options.value('c') ?? options.value('C') })
  shell.out(formatStatistics(await gatherStatistics(readLog(config))))
  return exit.ok
}

export interface Statistics {
  readonly since: string
  readonly mailers: ReadonlyMap<string, Counts>
}

export async function gatherStatistics(log: AsyncIterable<LogLine> | Iterable<LogLine>): Promise<Statistics> {
  const mailers = new Map<string, Counts>()
  const waiting = new Map<string, { readonly from: string; sizeBytes: number | undefined }>()
  let since = ''
  const of = (name: string): Counts => {
    const counts = mailers.get(name) ?? {
      messagesFrom: 0,
      octetsFrom: 0,
      messagesTo: 0,
      octetsTo: 0,
      rejected: 0,
    }
    mailers.set(name, counts)
    return counts
  }
  for await (const { time, service, queueId, text } of log) {
    if (since === '') since = time
    if (text.startsWith('reject: ')) of('esmtp').rejected++
    if (queueId === undefined || queueId === 'NOQUEUE') continue
    if (text.startsWith('client=')) waiting.set(queueId, { from: 'esmtp', sizeBytes: undefined })
    if (text.startsWith('uid=')) waiting.set(queueId, { from: 'local', sizeBytes: undefined })
    const sizeBytes = Number(/^from=<.{0,512}>, size=(\d{1,12}), nrcpt=/.exec(text)?.[1] ?? Number.NaN)
    const message = waiting.get(queueId)
    // Each attempt says it again.
    if (!Number.isNaN(sizeBytes) && message?.sizeBytes === undefined) {
      const from = message?.from ?? 'local'
      waiting.set(queueId, { from, sizeBytes })
      of(from).messagesFrom++
      of(from).octetsFrom += sizeBytes
    }
    if (/^to=<.{0,512} status=sent \(/.test(text)) {
      const to = of(service === 'smtp' || service === 'lmtp' || service === 'relay' ? 'esmtp' : 'local')
      to.messagesTo++
      to.octetsTo += waiting.get(queueId)?.sizeBytes ?? 0
    }
    if (text === 'removed') waiting.delete(queueId)
  }
  return { since, mailers }
}

const kilo = (octets: number): string => `${Math.ceil(octets / 1024)}K`

export function formatStatistics({ since, mailers }: Statistics): string {
  const row = (cells: readonly (string | number)[], name: string): string =>
    `${cells.map((cell, at) => String(cell).padStart(at === 0 ? 2 : 11)).join('')}  ${name}\n`
  let text = `Statistics from ${since === '' ? 'an empty log' : since}\n`
  text += row([' M', 'msgsfr', 'bytes_from', 'msgsto', 'bytes_to', 'msgsrej'], 'Mailer')
  const total: Counts = { messagesFrom: 0, octetsFrom: 0, messagesTo: 0, octetsTo: 0, rejected: 0 }
  for (const [number, name] of [
    [3, 'local'],
    [5, 'esmtp'],
  ] as const) {
    const one = mailers.get(name)
    if (one === undefined) continue
    text += row(
      [number, one.messagesFrom, kilo(one.octetsFrom), one.messagesTo, kilo(one.octetsTo), one.rejected],
      name,
    )
    for (const key of Object.keys(total) as (keyof Counts)[]) total[key] += one[key]
  }
  text += `${'='.repeat(66)}\n`
  return `${text}${row([' T', total.messagesFrom, kilo(total.octetsFrom), total.messagesTo, kilo(total.octetsTo), total.rejected], '').trimEnd()}\n`
}
