import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { addressesOf, isHostName, type Resolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import { type HttpsPost, postHttps } from '@posthorn/net'
import ipaddr from 'ipaddr.js'
import { type AggregateReport, aggregateReport, type Reporter } from './aggregate-report.ts'
import { reportMail } from './report-mail.ts'
import { type ReportUri, reportUris } from './report-uris.ts'
import type { DayTally } from './tally.ts'

export interface ReportSending {
  readonly resolver: Resolver
  readonly reporter: Reporter
  /** Hands a message to the queue; what refuses it is thrown. */
  readonly submit: (recipient: string, message: Buffer) => Promise<void>
  readonly log: Log
  readonly now: () => number
  /** Default: POST over HTTPS; the status of the answer. */
  readonly post?: (question: HttpsPost) => Promise<number>
  readonly signal: AbortSignal
}

const zipped = promisify(gzip)
const postTimeoutMs = 60_000

/** Sends the reports of a day to those domains that ask for them. Never rejects for what others do. RFC 8460 §5. */
export const sendReports = async (day: string, tally: DayTally, sending: ReportSending): Promise<void> => {
  for (const [domain, policies] of Object.entries(tally)) {
    if (sending.signal.aborted) return
    // It is written into a header and a file name.
    if (!isHostName(domain)) continue
    const answer = await sending.resolver.txt(`_smtp._tls.${domain}`)
    const uris = answer.kind === 'records' ? reportUris(answer.records) : []
    if (uris.length === 0) continue
    const report = aggregateReport(day, domain, policies, sending.reporter)
    const compressed = await zipped(report.json)
    for (const uri of uris) await sendTo(uri, report, compressed, sending)
  }
}

const sendTo = async (
  uri: ReportUri,
  report: AggregateReport,
  compressed: Buffer,
  sending: ReportSending,
): Promise<void> => {
  const { log, reporter, submit, now } = sending
  const where = uri.kind === 'mailto' ? `<${uri.address}>` : `https://${uri.host}${uri.path}`
  const say = (level: 'info' | 'warning', what: string): void =>
    log({ level, service: 'tlsrpt', text: `report ${report.id} to ${where.slice(0, 300)}: ${what}` })
  try {
    if (uri.kind === 'mailto') {
      await submit(uri.address, reportMail(report, compressed, uri.address, reporter, now()))
      say('info', 'in the queue')
    } else say('info', await postTo(uri, compressed, sending))
  } catch (error) {
    say('warning', error instanceof Error ? error.message : String(error))
  }
}

const postTo = async (
  { host, port, path }: Extract<ReportUri, { kind: 'https' }>,
  body: Buffer,
  { resolver, post = postHttps }: ReportSending,
): Promise<string> => {
  const found = ipaddr.isValid(host) ? undefined : await addressesOf(resolver, host)
  if (found?.kind !== 'records') throw new Error('no such host')
  // A record of a stranger must not lead us to machines that only we can reach.
  const address = found.records.find((one) => ipaddr.process(one).range() === 'unicast')
  if (address === undefined) throw new Error('no public address')
  const contentType = 'application/tlsrpt+gzip'
  const status = await post({ host, address, port, path, contentType, body, timeoutMs: postTimeoutMs })
  if (status < 200 || status > 299) throw new Error(`refused with status ${status}`)
  return `taken with status ${status}`
}
