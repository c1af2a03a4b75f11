import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { FileLayer } from '../segments/file-layer.ts'
import { decodeRecord, decodeRecordHead, type LogRecord, recordHeadBytes } from './log-record.ts'
import type { LogState } from './log-state.ts'

export const logDirectory = (storeDirectory: string): string => {
  const directory = join(storeDirectory, 'log')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  return directory
}

export const logPath = (directory: string, logId: number): string => join(directory, `${logId}.log`)

export const logIdsIn = (directory: string): number[] =>
  readdirSync(directory)
    .map((name) => /^(\d+)\.log$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)

/** After a rebuild: what is there says nothing of the new index. */
export const clearLog = (directory: string): void => {
  for (const name of readdirSync(directory)) {
    if (/\.(log|flushed)$/.test(name)) rmSync(join(directory, name))
  }
}

/** A record that does not fit before the end of the file begins at its beginning. */
export const placeAt = (state: Pick<LogState, 'end' | 'capacityBytes'>, sizeBytes: number): number => {
  const left = state.capacityBytes - (state.end % state.capacityBytes)
  return sizeBytes <= left ? state.end : state.end + left
}

export interface Redone {
  readonly record: LogRecord
  /** As it was after this record. */
  readonly state: LogState
}

/** The records that follow a state of the index, in order, up to the first that is not whole. */
export function* recordsAfter(files: FileLayer, directory: string, from: LogState): Generator<Redone> {
  const path = logPath(directory, from.logId)
  if (from.logId === 0 || files.sizeOf(path) === undefined) return
  const file = files.openRead(path)
  try {
    yield* recordsIn(files, file, from)
  } finally {
    files.close(file)
  }
}

/** As `recordsAfter`, of an open file. */
export function* recordsIn(files: FileLayer, file: number, from: LogState): Generator<Redone> {
  let state = from
  for (;;) {
    const next = recordAt(files, file, state, state.end) ?? recordAt(files, file, state, placeAtStart(state))
    if (next === undefined) return
    state = next.state
    yield next
  }
}

/**
 * The state behind a record that is damaged, but for its head, when a whole one follows there; undefined: the log ends here.
 * The checksum of the one that follows begins with that of the damaged one, so no other octets are taken for it.
 */
export const skipDamaged = (files: FileLayer, directory: string, at: LogState): LogState | undefined => {
  const path = logPath(directory, at.logId)
  if (at.logId === 0 || files.sizeOf(path) === undefined) return undefined
  const file = files.openRead(path)
  try {
    for (const end of [at.end, placeAtStart(at)]) {
      const head = Buffer.alloc(recordHeadBytes)
      if (files.readSync(file, head, end % at.capacityBytes) < recordHeadBytes) continue
      const begun = decodeRecordHead(head, at.next)
      if (begun === undefined || begun.sizeBytes > at.capacityBytes - (end % at.capacityBytes)) continue
      const behind = { ...at, next: at.next + 1, crc: begun.crc, end: end + begun.sizeBytes }
      if (!recordsIn(files, file, behind).next().done) return behind
    }
    return undefined
  } finally {
    files.close(file)
  }
}

const placeAtStart = ({ end, capacityBytes }: LogState): number => end + capacityBytes - (end % capacityBytes)

const recordAt = (files: FileLayer, file: number, state: LogState, at: number): Redone | undefined => {
  const place = at % state.capacityBytes
  const head = Buffer.allocUnsafe(recordHeadBytes)
  if (files.readSync(file, head, place) < recordHeadBytes) return undefined
  const sizeBytes = head.readUInt32BE(8)
  if (sizeBytes > state.capacityBytes - place) return undefined
  const bytes = Buffer.allocUnsafeSlow(Math.max(sizeBytes, recordHeadBytes))
  if (files.readSync(file, bytes, place) < bytes.length) return undefined
  const found = decodeRecord(bytes, state.next, state.crc)
  if (found === undefined) return undefined
  const { record, crc } = found
  return { record, state: { ...state, next: state.next + 1, crc, end: at + found.sizeBytes } }
}
