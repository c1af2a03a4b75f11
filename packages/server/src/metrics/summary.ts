import type { Totals } from './site-metrics.ts'

/** Counts of `posthorn stats` and of the daily report. Numbers add up over all processes. */
export interface Summary {
  readonly received: number
  readonly receivedLocally: number
  readonly delivered: number
  readonly deferred: number
  readonly bounced: number
  readonly expired: number
  readonly rejected: number
  readonly rejectedForNow: number
  readonly connections: number
  readonly logins: number
  readonly failedLogins: number
  readonly warnings: number
  readonly errors: number
}

export function summaryOf(totals: Totals): Summary {
  const delivered = (status: string) => totals.sum('posthorn_deliveries_total', { status })
  const lines = (level: string) => totals.sum('posthorn_log_lines_total', { level })
  const logins = (outcome: string) => totals.sum('posthorn_logins_total', { outcome })
  return {
    received: totals.sum('posthorn_messages_received_total', { by: 'smtp' }),
    receivedLocally: totals.sum('posthorn_messages_received_total', { by: 'local' }),
    delivered: delivered('sent'),
    deferred: delivered('deferred'),
    bounced: delivered('bounced'),
    expired: delivered('expired'),
    rejected: totals.sum('posthorn_smtp_rejects_total', { class: '5xx' }),
    rejectedForNow: totals.sum('posthorn_smtp_rejects_total', { class: '4xx' }),
    connections: totals.sum('posthorn_smtp_connections_total'),
    logins: logins('ok'),
    failedLogins: logins('failed'),
    warnings: lines('warning'),
    errors: lines('error') + lines('fatal'),
  }
}

/** What was added since; a process that was started anew counts from nothing. */
export function summarySince(now: Summary, before: Summary | undefined): Summary {
  if (before === undefined) return now
  const pairs = Object.entries(now).map(([name, value]: [string, number]) => {
    const earlier = before[name as keyof Summary]
    return [name, value >= earlier ? value - earlier : value] as const
  })
  return Object.fromEntries(pairs) as unknown as Summary
}

const words: readonly (readonly [keyof Summary, string])[] = [
  ['received', 'messages received by SMTP'],
  ['receivedLocally', 'messages from programs of this machine'],
  ['delivered', 'deliveries'],
  ['deferred', 'attempts put off'],
  ['bounced', 'recipients returned to the sender'],
  ['expired', 'recipients given up after waiting'],
  ['rejected', 'refused for good'],
  ['rejectedForNow', 'refused for now'],
  ['connections', 'SMTP connections'],
  ['logins', 'logins'],
  ['failedLogins', 'failed logins'],
  ['warnings', 'warnings in the log'],
  ['errors', 'errors in the log'],
]

export function formatSummary(summary: Summary): string {
  const width = Math.max(...Object.values(summary).map((value: number) => String(value).length))
  return words.map(([name, text]) => `${String(summary[name]).padStart(width)}  ${text}\n`).join('')
}
