import { basename } from 'node:path'
import { StoreError } from '../contract.ts'
import { journalDirectory } from '../journal/journal-files.ts'
import { type Environment, isOpenHere, openEnvironment } from '../kv/environment.ts'
import { bootId } from '../process-identity.ts'
import type { ProcessMarkers } from '../recovery/process-markers.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import { refuseDamagedLog } from './damaged-log.ts'
import { rollBackIndex, youngestFlush } from './flush-record.ts'
import { refuseBrokenIndex } from './index-file.ts'
import type { IndexFlusher } from './index-flusher.ts'
import { logDirectory, logPath } from './log-files.ts'
import { redo } from './redo.ts'
import type { WriteLog } from './write-log.ts'

export interface IndexPlace {
  readonly directory: string
  readonly indexPath: string
  readonly segmentDirectory: string
  readonly files: FileLayer
  readonly markers: ProcessMarkers
}

export interface OpenedIndex {
  readonly environment: Environment
  readonly logDirectory: string
  /** No other process has the store open. */
  readonly isAlone: boolean
  /** The power failed since the index was flushed: states that were seen may be lost. */
  readonly powerFailed: boolean
}

/**
 * Opens the index. When nobody has it open, it is first taken back to its youngest state that is on disk in
 * whole. Openings must not overlap.
 */
export const openIndex = async (place: IndexPlace): Promise<OpenedIndex> => {
  const { files, indexPath, markers } = place
  const logs = logDirectory(place.directory)
  const isAlone = !isOpenHere(indexPath) && markers.living().every(({ pid }) => pid === process.pid)
  const end = markers.dead().length > 0 ? 'unclean' : 'orderly'
  if (isAlone && end === 'unclean') requireLog(place, logs, journalDirectory(place.directory))
  const record = isAlone ? await rollBackIndex(files, logs, indexPath, end) : undefined
  if (isAlone) refuseBrokenIndex(files, place.directory, indexPath, end === 'unclean' ? 'pages' : 'head')
  return {
    environment: openEnvironment(indexPath, 'logged'),
    logDirectory: logs,
    isAlone,
    powerFailed: record !== undefined && record.boot !== bootId(),
  }
}

/**
 * What was acknowledged since the index was flushed, the log alone says (and half a second later the journal).
 * @throws StoreError 'corrupt' when the file that the flushed state names is not there in whole, or damaged
 */
const requireLog = (place: IndexPlace, logs: string, journals: string): void => {
  const { files, directory, indexPath } = place
  const flushed = youngestFlush(files, logs, indexPath, 'unclean')
  const state = flushed?.state
  if (flushed === undefined || state === undefined || state.logId === 0) return
  const path = logPath(logs, state.logId)
  const sizeBytes = files.sizeOf(path)
  // On a full disk a log may be shorter than it is meant to be, never than what was written to it.
  if (sizeBytes !== undefined && sizeBytes >= state.end % state.capacityBytes) {
    const logPlace = { files, directory, indexPath, logDirectory: logs, journalDirectory: journals }
    refuseDamagedLog(logPlace, flushed, place.markers.dead())
    return
  }
  throw new StoreError(
    'corrupt',
    `Cannot open the store in ${directory}: it was not closed, and its log (log/${basename(path)}) is ${sizeBytes === undefined ? 'missing' : 'cut short'}: ` +
      'posthorn store rebuild brings back what was in it from the journal and the messages',
  )
}

/** The first flush, what the log has more than the index, and a log to go on with. Returns what was done again. */
export const catchUp = async (
  { directory, segmentDirectory, files }: IndexPlace,
  { environment, isAlone, logDirectory: logs }: OpenedIndex,
  flusher: IndexFlusher,
  log: WriteLog,
  runGroup: () => Promise<unknown>,
): Promise<number> => {
  await flusher.start()
  let redone = 0
  if (isAlone) {
    redone = await redo(environment, { files, logDirectory: logs, segmentDirectory })
    if (redone > 0) await flusher.flush()
  }
  if (!log.open()) {
    await log.makeFile(runGroup)
    // The name of the index itself.
    await files.syncDirectory(directory)
  }
  if (isAlone) {
    log.removeOthers()
    flusher.forgetOthers(() => false)
  }
  return redone
}
