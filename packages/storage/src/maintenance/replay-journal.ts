import { basename } from 'node:path'
import { type JournalFile, listJournalFiles, readJournalFile } from '../journal/journal-files.ts'
import { type JournalRecord, salvageFrames } from '../journal/journal-frame.ts'
import { isCheckpointEnd, isMark, segmentOfMark } from '../journal/journal-tables.ts'
import { versionKey } from '../rows/version-row.ts'

export interface Replayed {
  /** Rows by key (latin1). */
  readonly rows: ReadonlyMap<string, Buffer>
  /** Offset before which every frame of a segment met its fate. */
  readonly marks: ReadonlyMap<number, number>
  readonly lastSequence: number
  /** 'partial': some of what was decided is not known any more. */
  readonly history: 'whole' | 'partial'
  /** What is not whole, for people. */
  readonly gaps: readonly string[]
}

interface ReadFile {
  readonly file: JournalFile
  readonly records: readonly JournalRecord[]
  /** Octets that are no record, with records behind them; in a checkpoint any. */
  readonly isDamaged: boolean
  readonly gaps: readonly string[]
}

export const noBeginning = 'the journal does not reach back to the beginning of the store'

/** The newest whole checkpoint, then every journal and the log: of each row the state with the greatest number. */
export const replayJournal = (directory: string, logged: readonly JournalRecord[]): Replayed => {
  const files = listJournalFiles(directory).map(read)
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
  const newest = newestCheckpoint(files)
  for (const record of newest?.records ?? []) take(record)
  const since = newest?.records.at(-1)?.sequence ?? -1
  // A checkpoint that is damaged says something all the same.
  for (const { file, records, isDamaged } of files) {
    if (file.kind === 'checkpoint' && !isDamaged) continue
    for (const record of records) if (record.sequence > since || isMark(record.key)) take(record)
  }
  for (const record of logged) if (record.sequence > since) take(record)
  const rows = new Map<string, Buffer>()
  for (const [key, { value }] of latest) if (value !== null) rows.set(key, value)
  const needed = files.filter(({ file, isDamaged }) => isDamaged || file.kind === 'journal')
  // The first journal of a store has its version, and each checkpoint has.
  const hasBeginning = rows.has(versionKey.toString('latin1'))
  const gaps = needed.flatMap((each) => each.gaps)
  if (!hasBeginning) gaps.unshift(noBeginning)
  const isWhole = hasBeginning && !needed.some(({ isDamaged }) => isDamaged)
  return { rows, marks, lastSequence, history: isWhole ? 'whole' : 'partial', gaps }
}

const read = (file: JournalFile): ReadFile => {
  const bytes = readJournalFile(file)
  const gaps: { from: number; to: number }[] = []
  const records = [...salvageFrames(bytes, (from, to) => gaps.push({ from, to }))]
  return { file, records, ...judgeJournal(file, { gaps, lengthBytes: bytes.length, last: records.at(-1) }) }
}

export interface JournalContent {
  readonly gaps: readonly { readonly from: number; readonly to: number }[]
  readonly lengthBytes: number
  /** The last record. */
  readonly last: JournalRecord | undefined
}

export const judgeJournal = (
  file: JournalFile,
  { gaps, lengthBytes, last }: JournalContent,
): Pick<ReadFile, 'isDamaged' | 'gaps'> => {
  const isCutShort = gaps.length === 1 && gaps[0]?.to === lengthBytes
  const name = basename(file.path)
  const isEnded = last !== undefined && isCheckpointEnd(last.key)
  // The end of a journal may be missing after power failure: what it would have said, the log does.
  const isDamaged = file.kind === 'checkpoint' ? gaps.length > 0 || !isEnded : gaps.length > 0 && !isCutShort
  const said = gaps.map(({ from, to }) =>
    isCutShort && file.kind === 'journal'
      ? `journal/${name} ends with ${to - from} octets that are no record`
      : `journal/${name}: octets ${from} to ${to} are damaged`,
  )
  if (isDamaged && said.length === 0) said.push(`journal/${name} is cut short`)
  return { isDamaged, gaps: said }
}

const newestCheckpoint = (files: readonly ReadFile[]): ReadFile | undefined => {
  const whole = files.filter(({ file, isDamaged }) => file.kind === 'checkpoint' && !isDamaged)
  const sequenceOf = ({ records }: ReadFile): number => records.at(-1)?.sequence ?? -1
  return whole.sort((a, b) => sequenceOf(b) - sequenceOf(a))[0]
}
