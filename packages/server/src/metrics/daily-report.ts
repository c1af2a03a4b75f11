import type { Config } from '../config/config.ts'
import { formatSummary, type Summary, summarySince } from './summary.ts'

export interface ReportParts {
  readonly config: () => Config
  readonly summary: () => Promise<{ readonly summary: Summary; readonly queued: number }>
  readonly send: (recipient: string, message: Buffer) => Promise<void>
  readonly onFault: (error: unknown) => void
  readonly now: () => number
}

const minuteMs = 60_000

/** ms from `nowMs` until the clock shows `HH:MM` next, by local time. */
export function untilClock(text: string, nowMs: number): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number)
  const at = new Date(nowMs)
  at.setHours(hours, minutes, 0, 0)
  if (at.getTime() <= nowMs) at.setDate(at.getDate() + 1)
  return at.getTime() - nowMs
}

/** Sends `daily_report_recipient` the counts of each day at `daily_report_time`. Returns what stops it. */
export function startDailyReport(parts: ReportParts): () => void {
  let before: Summary | undefined
  let sinceMs = parts.now()
  let timer: NodeJS.Timeout | undefined
  const send = async (): Promise<void> => {
    const { daily_report_recipient: recipient } = parts.config().values
    const { summary, queued } = await parts.summary()
    if (recipient !== '')
      await parts.send(
        recipient,
        reportText(parts.config(), summarySince(summary, before), queued, sinceMs, parts.now()),
      )
    before = summary
    sinceMs = parts.now()
  }
  // Looked at again every minute: the clock may jump, and a reload may change the time.
  let dueMs = sinceMs + untilClock(parts.config().values.daily_report_time, sinceMs)
  let dueFor = parts.config().values.daily_report_time
  const look = (): void => {
    const nowMs = parts.now()
    const { daily_report_time: wanted } = parts.config().values
    if (wanted !== dueFor || dueMs - nowMs > 86_400_000 + minuteMs) dueMs = nowMs + untilClock(wanted, nowMs)
    dueFor = wanted
    if (nowMs >= dueMs) {
      dueMs = nowMs + untilClock(wanted, nowMs)
      send().catch(parts.onFault)
    }
  }
  timer = setInterval(look, minuteMs)
  timer.unref()
  return () => clearInterval(timer)
}

const clock = (ms: number): string => new Date(ms).toString().replace(/ GMT.*$/, '')

export function reportText(
  { values }: Config,
  summary: Summary,
  queued: number,
  sinceMs: number,
  nowMs: number,
): Buffer {
  return Buffer.from(
    [
      `From: Mail Delivery System <MAILER-DAEMON@${values.myhostname}>`,
      `To: ${values.daily_report_recipient}`,
      `Subject: Mail of ${values.myhostname}: ${summary.received + summary.receivedLocally} received, ${summary.delivered} delivered, ${queued} waiting`,
      'Auto-Submitted: auto-generated',
      '',
      `From ${clock(sinceMs)} to ${clock(nowMs)}:`,
      '',
      formatSummary(summary).trimEnd(),
      '',
      `${queued} message${queued === 1 ? '' : 's'} in the queue now (mailq).`,
      '',
      'This report is sent because of daily_report_recipient in main.cf.',
      '',
    ].join('\n'),
  )
}
