import { keyOfText, read64, tables, write64 } from '../kv/keys.ts'
import type { Reader } from '../kv/unit.ts'

/**
 * Where the log stands as of a state of the index; written by every transaction, beside what it changes.
 * Offsets count all octets ever logged: the place in the file is the remainder by its capacity.
 */
export interface LogState {
  /** Number of the next transaction. */
  readonly next: number
  /** Names the file; 0 = none. */
  readonly logId: number
  readonly capacityBytes: number
  /** Checksum of the last record, with which the next one's begins. */
  readonly crc: number
  /** Where the next record goes. */
  readonly end: number
  /** Records before this are superfluous: a flushed index holds what they say … */
  readonly tail: number
  /** … up to this transaction. */
  readonly flushed: number
  /** The last transaction without a record: durable by a flush of the index only. */
  readonly unlogged: number
}

/** The first 8 octets are the sequence number alone, as version 1 of the store has it. */
export const logStateKey = keyOfText(tables.meta, 'journal')
const stateBytes = 56

export const emptyLogState: LogState = {
  next: 1,
  logId: 0,
  capacityBytes: 0,
  crc: 0,
  end: 0,
  tail: 0,
  flushed: 0,
  unlogged: 0,
}

export const encodeLogState = (state: LogState): Buffer => {
  const bytes = Buffer.allocUnsafe(stateBytes)
  write64(bytes, state.next, 0)
  write64(bytes, state.logId, 8)
  bytes.writeUInt32BE(state.capacityBytes, 16)
  bytes.writeUInt32BE(state.crc, 20)
  write64(bytes, state.end, 24)
  write64(bytes, state.tail, 32)
  write64(bytes, state.flushed, 40)
  write64(bytes, state.unlogged, 48)
  return bytes
}

export const decodeLogState = (bytes: Buffer | undefined): LogState => {
  if (bytes === undefined) return emptyLogState
  if (bytes.length < stateBytes) return { ...emptyLogState, next: read64(bytes, 0) }
  return {
    next: read64(bytes, 0),
    logId: read64(bytes, 8),
    capacityBytes: bytes.readUInt32BE(16),
    crc: bytes.readUInt32BE(20),
    end: read64(bytes, 24),
    tail: read64(bytes, 32),
    flushed: read64(bytes, 40),
    unlogged: read64(bytes, 48),
  }
}

export const readLogState = (reader: Pick<Reader, 'get'>): LogState => decodeLogState(reader.get(logStateKey))
