import { keyAfter, keyOf32, tables } from '../kv/keys.ts'
import type { Reader } from '../kv/unit.ts'

export const mailboxIds = (reader: Reader, account: number, limit?: number): number[] => {
  const prefix = keyOf32(tables.mailboxByName, account)
  const range = { start: prefix, end: keyAfter(prefix), ...(limit !== undefined && { limit }) }
  return Array.from(reader.range(range), ({ value }) => value.readUInt32BE(0))
}
