import { keyOfText, read64, tables, write64 } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'

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

export const readSequence = (reader: Reader, name: SequenceName): number => {
  const row = reader.get(sequenceKey(name))
  return row === undefined ? 1 : read64(row, 0)
}

/** Takes `count` numbers; returns the first. */
export const takeSequence = (unit: Unit, name: SequenceName, count = 1): number => {
  const key = sequenceKey(name)
  const former = unit.get(key)
  const first = former === undefined ? 1 : read64(former, 0)
  writeSequence(unit, name, first + count)
  return first
}

export const writeSequence = (unit: Unit, name: SequenceName, next: number): void => {
  const row = Buffer.allocUnsafe(8)
  write64(row, next, 0)
  unit.put(sequenceKey(name), row)
}
