import { keyOf32, keyOfTable, tables } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { getJson, jsonRows, putJson, removeLong } from './long-value.ts'

/** A mailbox has its new name; those below `from` still follow. */
export interface Renaming {
  /** Token of the process that renames. */
  readonly owner: number
  readonly mailbox: number
  readonly from: string
}

/** One at a time of each account: nobody else changes its names meanwhile. */
const renamingKey = (account: number): Buffer => keyOf32(tables.renaming, account)

export const readRenaming = (reader: Reader, account: number): Renaming | undefined =>
  getJson(reader, renamingKey(account)) as Renaming | undefined

export const writeRenaming = (unit: Unit, account: number, renaming: Renaming): void =>
  putJson(unit, renamingKey(account), renaming)

export const removeRenaming = (unit: Unit, account: number): void => removeLong(unit, renamingKey(account))

export function* renamingRows(reader: Reader): Generator<{ account: number; renaming: Renaming }> {
  for (const { key, value } of jsonRows(reader, keyOfTable(tables.renaming)))
    yield { account: key.readUInt32BE(1), renaming: value as Renaming }
}
