import { readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Environment } from '../kv/environment.ts'
import { keyAfter, tables } from '../kv/keys.ts'
import { Snapshot } from '../kv/unit.ts'
import type { ProcessIdentity } from '../process-identity.ts'
import { segmentRows } from '../recovery/recover-segments.ts'
import { readSequence } from '../rows/sequence.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import { journalPath, listJournalFiles } from './journal-files.ts'
import { encodeFrames, type JournalRecord } from './journal-frame.ts'
import { checkpointEndKey, isJournaled, journaledTags, markKey, markValue } from './journal-tables.ts'

/** Rows that are read in one turn of the event loop. */
const sliceRows = 2_000
const unfinished = '.new'

export interface CheckpointPlace {
  readonly environment: Environment
  readonly directory: string
  readonly files: FileLayer
  readonly self: ProcessIdentity
  /** All that is in force is on disk. */
  readonly makeDurable: () => Promise<void>
  /** Journals that living processes append to; they stay. */
  readonly activeOwners: ReadonlySet<number>
  /** This process's own active journal file. */
  readonly ownPath: string | undefined
}

/**
 * Writes all journaled rows as of about now, and drops the files it makes superfluous. Slices are snapshots
 * of their own, each with the sequence number of its moment, so nothing waits for it.
 */
export const writeCheckpoint = async (place: CheckpointPlace): Promise<void> => {
  const { environment, directory, files, self } = place
  for (const name of readdirSync(directory)) {
    if (name.endsWith(unfinished)) files.unlink(join(directory, name))
  }
  const superfluous = listJournalFiles(directory).filter(
    (file) =>
      file.kind === 'checkpoint' ||
      (file.owner === self.token ? file.path !== place.ownPath : !place.activeOwners.has(file.owner)),
  )
  const since = readSequence(new Snapshot(environment), 'journal') - 1
  const path = journalPath(directory, 'checkpoint', self.token, Math.floor(Date.now()))
  const file = files.create(path + unfinished)
  try {
    let at = 0
    const write = async (records: Iterable<JournalRecord>): Promise<void> => {
      const frames = encodeFrames(records)
      await files.write(file, frames, at)
      at += frames.reduce((sum, frame) => sum + frame.length, 0)
    }
    await write(marks(new Snapshot(environment)))
    for (const tag of [...journaledTags, tables.part]) await dumpTable(environment, tag, write)
    await place.makeDurable()
    await write([{ sequence: since, key: checkpointEndKey, value: markValue(since) }])
    await files.dataSync(file)
  } catch (error) {
    // On a full disk it would only take room.
    files.unlink(path + unfinished)
    throw error
  } finally {
    files.close(file)
  }
  renameSync(path + unfinished, path)
  await files.syncDirectory(directory)
  for (const old of superfluous) if (old.path !== path) files.unlink(old.path)
}

const dumpTable = async (
  environment: Environment,
  tag: number,
  write: (records: JournalRecord[]) => Promise<void>,
): Promise<void> => {
  const end = keyAfter(Buffer.from([tag]))
  let start = Buffer.from([tag])
  for (;;) {
    const snapshot = new Snapshot(environment)
    const sequence = readSequence(snapshot, 'journal') - 1
    const records: JournalRecord[] = []
    let last: Buffer | undefined
    for (const { key, value } of snapshot.range({ start, end, limit: sliceRows })) {
      last = key
      if (isJournaled(key)) records.push({ sequence, key: Buffer.from(key), value: Buffer.from(value) })
    }
    await write(records)
    if (last === undefined) return
    start = Buffer.concat([last, Buffer.from([0])])
    await nextTurn()
  }
}

function* marks(snapshot: Snapshot): Generator<JournalRecord> {
  for (const { segment, row } of segmentRows(snapshot)) {
    const settled = row.state === 'sealed' ? Number.POSITIVE_INFINITY : row.syncedBytes
    yield { sequence: 0, key: markKey(segment), value: markValue(settled) }
  }
}
