import { basename } from 'node:path'
import { StoreError } from '../contract.ts'
import { listJournalFiles } from '../journal/journal-files.ts'
import { maxFrameBytes, salvageFrames } from '../journal/journal-frame.ts'
import { bootId } from '../process-identity.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import type { FlushRecord } from './flush-record.ts'
import { logPath, recordsAfter, skipDamaged } from './log-files.ts'
import type { LogState } from './log-state.ts'

export interface LogPlace {
  readonly files: FileLayer
  readonly directory: string
  readonly logDirectory: string
  readonly journalDirectory: string
}

/** Of a journal: more than one frame. */
const tailBytes = 2 * maxFrameBytes

/**
 * The log is read up to the first record that is not whole: after a crash that is where it ended. When more was
 * acknowledged than is read so, it is damaged in its middle, and nothing is changed: later records name rows and
 * frames beside ones that are not known.
 *
 * The journal proves it: what it has was in the log before. Of the last half second the log itself does: behind a record of which
 * only the head is whole another one follows. (Not after a power failure: of records that several processes
 * had not synced, and not acknowledged, any may be missing.)
 * @param ended tokens of the processes that did not close the store
 * @throws StoreError 'corrupt'
 */
export const refuseDamagedLog = (
  place: LogPlace,
  { state: flushed, boot }: Pick<FlushRecord, 'state' | 'boot'>,
  ended: readonly number[],
): void => {
  const { files, logDirectory } = place
  let state = flushed
  for (const redone of recordsAfter(files, logDirectory, flushed)) state = redone.state
  const known = Math.max(lastJournaled(place, ended), boot === bootId() ? lastBeyond(place, state) : 0)
  if (known < state.next) return
  const where = `log/${basename(logPath(logDirectory, state.logId))}`
  throw new StoreError(
    'corrupt',
    `Cannot open the store in ${place.directory}: it was not closed, and its log (${where}) is damaged at octet ` +
      `${state.end % state.capacityBytes}: of what was acknowledged, changes ${state.next} to ${known} cannot be done again: ` +
      'posthorn store rebuild brings back what was in them from the journal and the messages',
  )
}

/** The last transaction that the log has behind damaged ones, 0 when it has none. */
const lastBeyond = ({ files, logDirectory }: LogPlace, damaged: LogState): number => {
  let last = 0
  for (
    let state = skipDamaged(files, logDirectory, damaged);
    state !== undefined;
    state = skipDamaged(files, logDirectory, state)
  )
    for (const redone of recordsAfter(files, logDirectory, state)) {
      last = redone.record.sequence
      state = redone.state
    }
  return last
}

/** The last transaction of which these processes' journals have a row. */
const lastJournaled = ({ files, journalDirectory }: LogPlace, owners: readonly number[]): number => {
  let last = 0
  for (const owner of owners) {
    const [newest] = listJournalFiles(journalDirectory)
      .filter((file) => file.kind === 'journal' && file.owner === owner)
      .sort((a, b) => b.number - a.number)
    if (newest === undefined) continue
    for (const { sequence } of salvageFrames(tailOf(files, newest.path), () => {}))
      last = Math.max(last, sequence)
  }
  return last
}

const tailOf = (files: FileLayer, path: string): Buffer => {
  const sizeBytes = files.sizeOf(path) ?? 0
  const bytes = Buffer.allocUnsafeSlow(Math.min(sizeBytes, tailBytes))
  const file = files.openRead(path)
  try {
    return bytes.subarray(0, files.readSync(file, bytes, sizeBytes - bytes.length))
  } finally {
    files.close(file)
  }
}
