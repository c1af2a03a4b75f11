import { type JournalFile, listJournalFiles, readJournalFile } from '../journal/journal-files.ts'
import { decodeFrames, type JournalRecord } from '../journal/journal-frame.ts'
import { isCheckpointEnd, isMark, segmentOfMark } from '../journal/journal-tables.ts'

export interface Replayed {
  /** Rows by key (latin1). */
  readonly rows: ReadonlyMap<string, Buffer>
  /** Offset before which every frame of a segment met its fate. */
  readonly marks: ReadonlyMap<number, number>
  readonly lastSequence: number
}

/** The newest whole checkpoint, then every journal and the log: of each row the state with the greatest number. */
export const replayJournal = (directory: string, logged: readonly JournalRecord[]): Replayed => {
  const files = listJournalFiles(directory)
  const latest = new Map<string, JournalRecord>()
  const marks = new Map<number, number>()
  let lastSequence = 0
  const take = (record: JournalRecord): void => {
    if (isMark(record.key)) {
      const segment = segmentOfMark(record.key)
      marks.set(segment, Math.max(marks.get(segment) ?? 0, (record.value as Buffer).readDoubleBE(0)))
      return
    }
    if (isCheckpointEnd(record.key)) return
    lastSequence = Math.max(lastSequence, record.sequence)
    const key = record.key.toString('latin1')
    if ((latest.get(key)?.sequence ?? -1) <= record.sequence) latest.set(key, record)
  }
  const { since, records } = newestCheckpoint(files)
  for (const record of records) take(record)
  for (const file of files.filter(({ kind }) => kind === 'journal')) {
    for (const record of decodeFrames(readJournalFile(file))) {
      if (record.sequence > since || isMark(record.key)) take(record)
    }
  }
  for (const record of logged) if (record.sequence > since) take(record)
  const rows = new Map<string, Buffer>()
  for (const [key, { value }] of latest) if (value !== null) rows.set(key, value)
  return { rows, marks, lastSequence }
}

const newestCheckpoint = (files: readonly JournalFile[]): { since: number; records: JournalRecord[] } => {
  let best = { since: -1, records: [] as JournalRecord[] }
  for (const file of files.filter(({ kind }) => kind === 'checkpoint')) {
    const records = [...decodeFrames(readJournalFile(file))]
    const last = records.at(-1)
    if (last !== undefined && isCheckpointEnd(last.key) && last.sequence > best.since) {
      best = { since: last.sequence, records }
    }
  }
  return best
}
