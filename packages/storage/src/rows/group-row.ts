import { keyAfter, keyOf32, keyOf32x2, keyOfTable, tables } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { jsonRows, putJson, removeLong } from './long-value.ts'

export interface GroupRow {
  readonly id: number
  readonly name: string
}

const present = Buffer.from([1])
const groupKey = (id: number): Buffer => keyOf32(tables.group, id)
const membershipKey = (account: number, group: number): Buffer => keyOf32x2(tables.membership, account, group)

export const groupRows = (reader: Reader): GroupRow[] =>
  Array.from(jsonRows(reader, keyOfTable(tables.group)), ({ key, value }) => ({
    id: key.readUInt32BE(1),
    name: (value as { readonly name: string }).name,
  }))

export const writeGroup = (unit: Unit, { id, name }: GroupRow): void => putJson(unit, groupKey(id), { name })

/** With its memberships. */
export const removeGroupRows = (unit: Unit, id: number): void => {
  for (const { account, group } of memberships(unit))
    if (group === id) unit.remove(membershipKey(account, group))
  removeLong(unit, groupKey(id))
}

export const memberships = (reader: Reader): { readonly account: number; readonly group: number }[] => {
  const start = keyOfTable(tables.membership)
  return Array.from(reader.range({ start, end: keyAfter(start) }), ({ key }) => ({
    account: key.readUInt32BE(1),
    group: key.readUInt32BE(5),
  }))
}

export const groupsOf = (reader: Reader, account: number): number[] => {
  const prefix = keyOf32(tables.membership, account)
  return Array.from(reader.range({ start: prefix, end: keyAfter(prefix) }), ({ key }) => key.readUInt32BE(5))
}

export const addMember = (unit: Unit, group: number, account: number): void =>
  unit.put(membershipKey(account, group), present)

export const removeMember = (unit: Unit, group: number, account: number): void =>
  unit.remove(membershipKey(account, group))
