import type { JournalRecord } from '../journal/journal-frame.ts'
import { isJournaled } from '../journal/journal-tables.ts'
import { type Environment, transact } from '../kv/environment.ts'
import { Snapshot } from '../kv/unit.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import { segmentPath } from '../segments/segment-path.ts'
import { youngestFlushOfAny } from './flush-record.ts'
import { type Redone, recordsAfter, skipDamaged } from './log-files.ts'
import type { LogRecord } from './log-record.ts'
import { encodeLogState, type LogState, logStateKey, readLogState } from './log-state.ts'

export interface RedoPlace {
  readonly files: FileLayer
  readonly logDirectory: string
  readonly segmentDirectory: string
}

/** Does again what the log says of the time after the index's state. Returns how many transactions. */
export const redo = async (environment: Environment, place: RedoPlace): Promise<number> => {
  const frames = new FrameRestorer(place)
  let count = 0
  try {
    const from = readLogState(new Snapshot(environment))
    for (const { record, state } of recordsAfter(place.files, place.logDirectory, from)) {
      frames.restore(record)
      transact(environment, () => redoRows(environment, { record, state }))
      count++
    }
    await frames.sync()
  } finally {
    frames.close()
  }
  return count
}

/** Inside a transaction. */
export const redoRows = (environment: Environment, { record, state }: Redone): void => {
  for (const { key, value } of record.rows) {
    if (value === null) environment.removeSync(key)
    else environment.putSync(key, value)
  }
  environment.putSync(logStateKey, encodeLogState(state))
}

/**
 * For a rebuild: the rows that the log has and the journal perhaps not, latest last. The log's frames are
 * written to their segments.
 */
export const readLogged = async (place: RedoPlace): Promise<JournalRecord[]> => {
  const from = youngestFlushOfAny(place.files, place.logDirectory)?.state
  if (from === undefined) return []
  const found: JournalRecord[] = []
  const frames = new FrameRestorer(place)
  try {
    // Rows are whole: those behind a damaged record are right without it.
    for (let state: LogState | undefined = from; state !== undefined; ) {
      let last: LogState = state
      for (const { record, state: next } of recordsAfter(place.files, place.logDirectory, state)) {
        frames.restore(record)
        const { sequence } = record
        for (const row of record.rows) if (isJournaled(row.key)) found.push({ sequence, ...row })
        last = next
      }
      state = skipDamaged(place.files, place.logDirectory, last)
    }
    await frames.sync()
  } finally {
    frames.close()
  }
  return found
}

/** Writes frames of the log to where their segment has them. */
export class FrameRestorer {
  readonly #place: RedoPlace
  readonly #open = new Map<number, number>()

  constructor(place: RedoPlace) {
    this.#place = place
  }

  restore({ frames }: LogRecord): void {
    for (const { segment, offset, bytes } of frames) {
      const file = this.#fileOf(segment)
      if (file !== undefined) this.#place.files.writeSync(file, [bytes], offset)
    }
  }

  async sync(): Promise<void> {
    for (const file of this.#open.values()) await this.#place.files.dataSync(file)
  }

  close(): void {
    for (const file of this.#open.values()) this.#place.files.close(file)
    this.#open.clear()
  }

  /** undefined when compaction has removed the segment: then nothing names the frame. */
  #fileOf(segment: number): number | undefined {
    const known = this.#open.get(segment)
    if (known !== undefined) return known
    const { files, segmentDirectory } = this.#place
    const path = segmentPath(segmentDirectory, segment)
    if (files.sizeOf(path) === undefined) return undefined
    const file = files.openReadWrite(path)
    this.#open.set(segment, file)
    return file
  }
}
