import { closeSync, constants, fstatSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { QueueId } from '@posthorn/storage'
import type { ListedEntry } from '../control/public-server.ts'
import { maildropName, readEnvelope } from './pickup.ts'

/** So many are listed at once. */
const maxListed = 10_000

/**
 * Mail that users left while the server was stopped, or that it could not take yet, oldest first; it has no queue ID.
 * Postfix: showq(8).
 */
export function maildropEntries(maildrop: string): readonly ListedEntry[] {
  return namesIn(maildrop)
    .slice(0, maxListed)
    .flatMap((name) => entryIn(maildrop, name) ?? [])
    .toSorted((a, b) => a.arrivedMs - b.arrivedMs)
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => maildropName.test(name))
  } catch {
    return []
  }
}

/** Anybody may put something there: a link leads nowhere. */
function entryIn(folder: string, name: string): ListedEntry | undefined {
  let fd: number
  try {
    fd = openSync(join(folder, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
  try {
    const stats = fstatSync(fd)
    const envelope = stats.isFile() && stats.nlink === 1 ? readEnvelope(fd) : undefined
    if (envelope === undefined || envelope.submission.verify === 'only') return undefined
    const { sender, recipients } = envelope.submission
    return {
      queueId: name as QueueId,
      arrivedMs: stats.mtimeMs,
      sizeBytes: stats.size - envelope.lengthBytes,
      sender,
      hold: false,
      recipients: recipients.map(({ address }) => ({ address, state: 'queued', attempts: 0 })),
      isInMaildrop: true,
    }
  } finally {
    closeSync(fd)
  }
}
