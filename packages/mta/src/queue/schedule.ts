import type { QueueEntry } from '@posthorn/storage'
import type { QueueOptions } from './options.ts'

/**
 * Whether a recipient is tried before its time: somebody asked for it (`postqueue -f`, ETRN). Seen from the last
 * attempt, for a flush is no more than a new due time.
 */
export const isFlushed = (
  entry: Pick<QueueEntry, 'arrivedMs' | 'sender' | 'recipients'>,
  nowMs: number,
  options: QueueOptions,
): boolean =>
  entry.recipients.some(
    ({ last }) => last !== undefined && nowMs < retryAtMs(entry, last.atMs, options, () => 0),
  )

/** When mail of this sender is given up. */
export const expiresMs = (entry: Pick<QueueEntry, 'arrivedMs' | 'sender'>, options: QueueOptions): number =>
  entry.arrivedMs + (entry.sender === '' ? options.bounceQueueLifetimeMs : options.maximalQueueLifetimeMs)

/**
 * The next attempt: after as long as the message has waited already, at least minimalBackoffMs, at most
 * maximalBackoffMs, as Postfix does; up to a tenth more at random, so that what failed together does not
 * come back together. The last attempt is at the end of the lifetime.
 */
export const retryAtMs = (
  entry: Pick<QueueEntry, 'arrivedMs' | 'sender'>,
  nowMs: number,
  options: QueueOptions,
  random: () => number,
): number => {
  const { minimalBackoffMs, maximalBackoffMs } = options
  // A clock that was put back makes ages negative: never earlier than the least delay.
  const age = Math.max(nowMs - entry.arrivedMs, 0)
  const delay = Math.min(Math.max(age, minimalBackoffMs), maximalBackoffMs) * (1 + random() / 10)
  const last = Math.max(expiresMs(entry, options), nowMs + minimalBackoffMs)
  return Math.round(Math.min(nowMs + delay, last))
}
