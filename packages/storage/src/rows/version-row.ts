import { keyOfText, tables } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'

export const versionKey = keyOfText(tables.meta, 'version')

/** undefined: of a store that is just being made. */
export const readVersion = (reader: Reader): number | undefined => reader.get(versionKey)?.readUInt32BE(0)

export const writeVersion = (unit: Unit, version: number): void => {
  const row = Buffer.allocUnsafe(4)
  row.writeUInt32BE(version)
  unit.put(versionKey, row)
}
