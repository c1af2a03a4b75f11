import type { Log } from '@posthorn/mail'
import type { Acceptance, QueueEntry } from '@posthorn/storage'
import type { Attempt } from '../delivery/attempt.ts'

/**
 * Seconds with two significant digits, as Postfix prints delays; no more than `maxDigits` (0 to 6) after the point.
 * Postfix: delay_logging_resolution_limit.
 */
export const formatDelay = (ms: number, maxDigits = 2): string => {
  const seconds = Math.max(ms, 0) / 1000
  if (seconds >= 10) return String(Math.round(seconds))
  if (seconds < 0.5 * 10 ** -maxDigits) return '0'
  const digits = seconds >= 1 ? 1 : 1 - Math.floor(Math.log10(seconds))
  return String(Number(seconds.toFixed(Math.min(digits, maxDigits))))
}

/** Numbers with slashes between: `delays=0.01/0/0.2/1.5`. */
export const formatDelays = (delaysMs: readonly number[], maxDigits?: number): string =>
  delaysMs.map((ms) => formatDelay(ms, maxDigits)).join('/')

const statusWords = {
  delivered: 'sent',
  relayed: 'sent',
  expanded: 'sent',
  delayed: 'deferred',
  failed: 'bounced',
} as const

/** Transports of ours for what local(8) does itself: its name is what people and programs look for. */
const ofLocal: ReadonlySet<string> = new Set(['pipe', 'file', 'user_command', 'user_file', 'mailbox_command'])

/** The line that everybody greps for: postfix/smtp's `to=…, relay=…, delay=…, delays=…, dsn=…, status=…`. */
export const logAttempt = (
  log: Log,
  entry: QueueEntry,
  attempt: Attempt,
  times: {
    readonly service: string
    readonly claimedMs: number
    readonly startedMs: number
    readonly nowMs: number
    readonly delayDigits?: number | undefined
  },
): void => {
  const { recipient, result, relay, said, setUpMs, transferMs, connectionUse } = attempt
  const original = recipient.originalRecipient?.replace(/^rfc822;/i, '')
  const origTo = original === undefined || original === recipient.address ? '' : ` orig_to=<${original}>,`
  const delays = [times.claimedMs - entry.arrivedMs, times.startedMs - times.claimedMs, setUpMs, transferMs]
  const use = connectionUse === undefined ? '' : ` conn_use=${connectionUse},`
  const status = statusWords[result.action]
  log({
    level: 'info',
    service: ofLocal.has(times.service) ? 'local' : times.service,
    queueId: entry.queueId,
    text:
      `to=<${recipient.address}>,${origTo} relay=${relay},${use} delay=${formatDelay(times.nowMs - entry.arrivedMs, times.delayDigits)}, ` +
      `delays=${formatDelays(delays, times.delayDigits)}, dsn=${result.status}, status=${status} (${said})`,
    fields: { to: recipient.address, relay, dsn: result.status, status },
  })
}

/** The qmgr line of a message that is being worked on. */
export const logActive = (log: Log, entry: QueueEntry): void => {
  log({
    level: 'info',
    service: 'qmgr',
    queueId: entry.queueId,
    text: `from=<${entry.sender}>, size=${entry.sizeBytes}, nrcpt=${entry.recipients.length} (queue active)`,
    fields: { from: entry.sender, size: entry.sizeBytes, nrcpt: entry.recipients.length },
  })
}

export const logRemoved = (log: Log, queueId: string): void =>
  log({ level: 'info', service: 'qmgr', queueId, text: 'removed' })

/** A message that we made: the lines that cleanup, qmgr and local would have written. */
export const logMade = (
  log: Log,
  { entry, message }: Acceptance,
  made: {
    /** Unknown for a message sent on. */
    readonly messageId: string | undefined
    /** Addresses that wait in the queue; the others are in their mailboxes. */
    readonly waiting: ReadonlySet<string>
    readonly nowMs: number
    readonly delayDigits?: number | undefined
  },
): void => {
  const { queueId, sender, recipients } = entry
  const line = (service: string, text: string): void => log({ level: 'info', service, queueId, text })
  if (made.messageId !== undefined) line('cleanup', `message-id=${made.messageId}`)
  line('qmgr', `from=<${sender}>, size=${message.sizeBytes}, nrcpt=${recipients.length} (queue active)`)
  const delay = formatDelay(made.nowMs - entry.arrivedMs, made.delayDigits)
  for (const { address, route } of recipients) {
    if (route.kind !== 'mailbox' || made.waiting.has(address)) continue
    const text = `to=<${address}>, relay=local, delay=${delay}, delays=${delay}/0/0/0, dsn=2.0.0, status=sent`
    line('local', `${text} (delivered to mailbox)`)
  }
  if (made.waiting.size === 0) logRemoved(log, queueId)
}
