import { keyAfter, tables } from '../kv/keys.ts'
import { maxValueBytes, type Reader, type Unit } from '../kv/unit.ts'

/**
 * Values that may exceed one row: octet 0 of the row counts further parts, kept under
 * [part, key, number]. LMDB values never overflow a page that way.
 */
const roomBytes = maxValueBytes - 1

const partKey = (key: Buffer, number: number): Buffer =>
  Buffer.concat([Buffer.from([tables.part]), key, Buffer.from([number])])

export const getLong = (reader: Reader, key: Buffer): Buffer | undefined => {
  const row = reader.get(key)
  return row && wholeOf(reader, key, row)
}

/** The whole value of a row that a range gave. */
export const wholeOf = (reader: Reader, key: Buffer, row: Buffer): Buffer => {
  const further = row[0] as number
  if (further === 0) return row.subarray(1)
  const parts = [row.subarray(1)]
  for (let number = 0; number < further; number++) {
    const part = reader.get(partKey(key, number))
    if (part !== undefined) parts.push(part)
  }
  return Buffer.concat(parts)
}

export const putLong = (unit: Unit, key: Buffer, value: Buffer): void => {
  const further = Math.max(0, Math.ceil((value.length - roomBytes) / maxValueBytes))
  if (further > 255) throw new RangeError(`Value of ${value.length} octets is too long`)
  const former = unit.get(key)?.[0] ?? 0
  for (let number = further; number < former; number++) unit.remove(partKey(key, number))
  unit.put(key, Buffer.concat([Buffer.from([further]), value.subarray(0, roomBytes)]))
  for (let number = 0; number < further; number++) {
    const start = roomBytes + number * maxValueBytes
    unit.put(partKey(key, number), value.subarray(start, start + maxValueBytes))
  }
}

export const removeLong = (unit: Unit, key: Buffer): void => {
  const further = unit.get(key)?.[0] ?? 0
  for (let number = 0; number < further; number++) unit.remove(partKey(key, number))
  unit.remove(key)
}

export const getJson = (reader: Reader, key: Buffer): unknown => {
  const value = getLong(reader, key)
  return value && JSON.parse(value.toString())
}

export const putJson = (unit: Unit, key: Buffer, value: unknown): void =>
  putLong(unit, key, Buffer.from(JSON.stringify(value)))

/** Every row of a prefix as JSON, in the order of keys. */
export function* jsonRows(reader: Reader, prefix: Buffer): Generator<{ key: Buffer; value: unknown }> {
  for (const { key, value } of reader.range({ start: prefix, end: keyAfter(prefix) })) {
    yield { key, value: JSON.parse(wholeOf(reader, key, value).toString()) }
  }
}
