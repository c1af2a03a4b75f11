import { basename } from 'node:path'
import { StoreError } from '../contract.ts'
import { listJournalFiles } from '../journal/journal-files.ts'
import { maxFrameBytes, salvageFrames } from '../journal/journal-frame.ts'
import { bootId } from '../process-identity.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import type { FlushRecord } from './flush-record.ts'
import { logPath, recordsAfter, skipDamaged } from './log-files.ts'
import { decodeLogState, type LogState, logStateKey } from './log-state.ts'
import { lookUp } from './page-look-up.ts'

export interface LogPlace {
  readonly files: FileLayer
  readonly directory: string
  readonly indexPath: string
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
 * The journal proves it: what it has was in the log before. Of the last half second the index does: what it has was in
 * the log before, too; and the log itself: behind a record of which only the head is whole another one follows. (Not after a
 * power failure: of pages and records that several processes had not synced, and not acknowledged, any may be missing.)
 * @param ended tokens of the processes that did not close the store
 * @throws StoreError 'corrupt'
 */
export const refuseDamagedLog = (
  place: LogPlace,
  { state: flushed, boot, pageBytes }: Pick<FlushRecord, 'state' | 'boot' | 'pageBytes'>,
  ended: readonly number[],
): void => {
  const { files, logDirectory } = place
  let state = flushed
  for (const redone of recordsAfter(files, logDirectory, flushed)) state = redone.state
  const lastOfBoot = (): number => Math.max(lastBeyond(place, state), lastIndexed(place, pageBytes, state))
  const known = Math.max(lastJournaled(place, ended), boot === bootId() ? lastOfBoot() : 0)
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

/**
 * The last transaction that was committed to the index, as the kernel has it. 0 when the log ends before one without a record: it and
 * those behind it are acknowledged when the index is flushed, and are lost by right.
 */
const lastIndexed = ({ files, indexPath }: LogPlace, pageBytes: number, log: LogState): number => {
  const file = files.openRead(indexPath)
  try {
    const { next, unlogged } = decodeLogState(lookUp({ files, file, pageBytes }, logStateKey))
    return unlogged < log.next ? next - 1 : 0
  } finally {
    files.close(file)
  }
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
