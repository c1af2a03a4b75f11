import { crc32 } from 'node:zlib'
import { keyOfText, read64, tables, write64 } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { damagedRow, foldWords } from './seal.ts'

/** Numbers that only grow, read and written inside the transaction. */
export type SequenceName =
  | 'next-account'
  | 'next-group'
  | 'next-mailbox'
  | 'next-message'
  | 'next-queue'
  | 'uid-validity'
  | 'journal'

const sequenceKey = (name: SequenceName): Buffer => keyOfText(tables.meta, name)

const rowBytes = 12

/** Throws 'corrupt'. */
const decode = (key: Buffer, row: Buffer | undefined): number => {
  if (row === undefined) return 1
  if (row.length === rowBytes && row.readUInt32BE(8) !== crc32(key, foldWords(row, 0, 8)))
    throw damagedRow(key)
  return read64(row, 0)
}

export const readSequence = (reader: Reader, name: SequenceName): number => {
  const key = sequenceKey(name)
  return decode(key, reader.get(key))
}

/** Takes `count` numbers; returns the first. */
export const takeSequence = (unit: Unit, name: SequenceName, count = 1): number => {
  const first = readSequence(unit, name)
  writeSequence(unit, name, first + count)
  return first
}

export const writeSequence = (unit: Unit, name: SequenceName, next: number): void => {
  const key = sequenceKey(name)
  // The place in the log has more to say, and is proved by the log.
  const row = Buffer.allocUnsafe(name === 'journal' ? 8 : rowBytes)
  write64(row, next, 0)
  if (name !== 'journal') row.writeUInt32BE(crc32(key, foldWords(row, 0, 8)), 8)
  unit.put(key, row)
}
