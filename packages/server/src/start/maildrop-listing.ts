import { closeSync, constants, fstatSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { QueueId } from '@posthorn/storage'
import type { ListedEntry } from '../control/public-server.ts'
import { maildropName, maxEnvelopeBytes, readEnvelope } from './maildrop-envelope.ts'

/** So many files are looked at for one listing, and so much is read of them. */
const maxListed = 10_000
const maxReadBytes = 4 << 20
/** Between two files others have their turn after so long. */
const turnMs = 10

/**
 * Mail that users left while the server was stopped, or that it could not take yet, oldest first; it has no queue ID.
 * Postfix: showq(8).
 */
export async function maildropEntries(maildrop: string): Promise<readonly ListedEntry[]> {
  const entries: ListedEntry[] = []
  let readBytes = 0
  let turnEndsMs = performance.now() + turnMs
  for (const name of namesIn(maildrop).slice(0, maxListed)) {
    const { entry, envelopeBytes } = entryIn(maildrop, name)
    if (entry !== undefined) entries.push(entry)
    readBytes += envelopeBytes
    if (readBytes >= maxReadBytes) break
    if (performance.now() < turnEndsMs) continue
    await new Promise((resolve) => setImmediate(resolve))
    turnEndsMs = performance.now() + turnMs
  }
  return entries.toSorted((a, b) => a.arrivedMs - b.arrivedMs)
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => maildropName.test(name))
  } catch {
    return []
  }
}

interface Look {
  readonly entry?: ListedEntry
  /** Read of the file. */
  readonly envelopeBytes: number
}

/** Anybody may put something there: a link leads nowhere. */
function entryIn(folder: string, name: string): Look {
  let fd: number
  try {
    fd = openSync(join(folder, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return { envelopeBytes: 0 }
  }
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile() || stats.nlink !== 1) return { envelopeBytes: 0 }
    const envelope = readEnvelope(fd)
    const envelopeBytes = envelope?.lengthBytes ?? Math.min(stats.size, maxEnvelopeBytes)
    if (envelope === undefined || envelope.submission.verify === 'only') return { envelopeBytes }
    const { sender, recipients } = envelope.submission
    const entry: ListedEntry = {
      queueId: name as QueueId,
      arrivedMs: stats.mtimeMs,
      sizeBytes: stats.size - envelope.lengthBytes,
      sender,
      hold: false,
      recipients: recipients.map(({ address }) => ({ address, state: 'queued', attempts: 0 })),
      isInMaildrop: true,
    }
    return { entry, envelopeBytes }
  } finally {
    closeSync(fd)
  }
}
