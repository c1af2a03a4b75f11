import { crc32 } from 'node:zlib'
import { keyAfter, tables } from '../kv/keys.ts'
import { maxValueBytes, type Reader, type Unit } from '../kv/unit.ts'
import { damagedRow } from './seal.ts'

/**
 * Values that may exceed one row: octet 0 of the row counts further parts, kept under
 * [part, key, number]. LMDB values never overflow a page that way. 255 there says that the number of parts is in
 * octet 1, and a CRC-32 of the value, begun with that of the key, in the next four.
 */
const sealed = 0xff
const headBytes = 6
const roomBytes = maxValueBytes - headBytes
const mostParts = 254

const partKey = (key: Buffer, number: number): Buffer =>
  Buffer.concat([Buffer.from([tables.part]), key, Buffer.from([number])])

/** Throws 'corrupt'. */
export const getLong = (reader: Reader, key: Buffer): Buffer | undefined => {
  const row = reader.get(key)
  return row && wholeOf(reader, key, row)
}

/** The whole value of a row that a range gave. Throws 'corrupt'. */
export const wholeOf = (reader: Reader, key: Buffer, row: Buffer): Buffer => {
  const first = row[0] as number
  if (first !== sealed) return joined(reader, key, row.subarray(1), first)
  if (row.length < headBytes) throw damagedRow(key)
  const value = joined(reader, key, row.subarray(headBytes), row[1] as number)
  if (crc32(value, crc32(key)) !== row.readUInt32BE(2)) throw damagedRow(key)
  return value
}

const joined = (reader: Reader, key: Buffer, first: Buffer, further: number): Buffer => {
  if (further === 0) return first
  const parts = [first]
  for (let number = 0; number < further; number++) {
    const part = reader.get(partKey(key, number))
    if (part === undefined) throw damagedRow(key)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

const partsOf = (row: Buffer | undefined): number =>
  row === undefined ? 0 : ((row[0] === sealed ? row[1] : row[0]) as number)

export const putLong = (unit: Unit, key: Buffer, value: Buffer): void =>
  write(unit, key, value, unit.get(key))

/** For a key that nothing was ever kept under: there is no former value to look for. */
export const putNewLong = (unit: Unit, key: Buffer, value: Buffer): void => write(unit, key, value, undefined)

/**
 * Changes octets of the value of a row that was just read, and leaves its length; `amend` says false when it is to stay
 * as it is. Throws 'corrupt'.
 */
export const amendLong = (unit: Unit, key: Buffer, row: Buffer, amend: (value: Buffer) => boolean): void => {
  if (row[0] !== sealed || row[1] !== 0 || row.length < headBytes) {
    const value = Buffer.from(wholeOf(unit, key, row))
    if (amend(value)) write(unit, key, value, row)
    return
  }
  const amended = Buffer.allocUnsafe(row.length)
  row.copy(amended)
  const value = amended.subarray(headBytes)
  const keyCrc = crc32(key)
  if (crc32(value, keyCrc) !== row.readUInt32BE(2)) throw damagedRow(key)
  if (!amend(value)) return
  amended.writeUInt32BE(crc32(value, keyCrc), 2)
  unit.replace(key, amended, row)
}

const write = (unit: Unit, key: Buffer, value: Buffer, formerRow: Buffer | undefined): void => {
  const further = Math.max(0, Math.ceil((value.length - roomBytes) / maxValueBytes))
  if (further > mostParts) throw new RangeError(`Value of ${value.length} octets is too long`)
  const former = partsOf(formerRow)
  for (let number = further; number < former; number++) unit.remove(partKey(key, number))
  const row = Buffer.allocUnsafe(headBytes + Math.min(roomBytes, value.length))
  row[0] = sealed
  row[1] = further
  row.writeUInt32BE(crc32(value, crc32(key)), 2)
  value.copy(row, headBytes, 0, roomBytes)
  unit.replace(key, row, formerRow)
  for (let number = 0; number < further; number++) {
    const start = roomBytes + number * maxValueBytes
    unit.put(partKey(key, number), value.subarray(start, start + maxValueBytes))
  }
}

export const removeLong = (unit: Unit, key: Buffer, row = unit.getOnce(key)): void => {
  if (row === undefined) return
  const further = partsOf(row)
  for (let number = 0; number < further; number++) unit.remove(partKey(key, number))
  unit.drop(key, row)
}

/** Not to be changed: the next one who asks may get the same. Throws 'corrupt'. */
export const getJson = (reader: Reader, key: Buffer): unknown => {
  if (reader.peek !== undefined) return peekJson(reader, key, reader.peek(key))
  const row = reader.get(key)
  if (row === undefined) return undefined
  if (partsOf(row) > 0) return parsed(key, wholeOf(reader, key, row))
  const known = reader.parsed?.get(row)
  if (known !== undefined) return known
  const value = frozen(parsed(key, wholeOf(reader, key, row)))
  if (typeof value === 'object' && value !== null) reader.parsed?.set(row, value)
  return value
}

/** Of a thousand mailboxes; then they are gathered anew. */
const maxKnownRows = 2_048
/** By key: what readers that keep nothing found, and what it says. */
const knownRows = new Map<string, { readonly row: string; readonly value: unknown }>()

/** Clients ask for the same few rows with each command: one that is as it was is neither tested nor parsed again. */
const peekJson = (reader: Reader, key: Buffer, peeked: Buffer | undefined): unknown => {
  if (peeked === undefined) return undefined
  const name = key.toString('latin1')
  const row = peeked.toString('latin1', 0, peeked.length)
  const known = knownRows.get(name)
  if (known?.row === row) return known.value
  // The next read is to the same memory.
  const octets = Buffer.from(row, 'latin1')
  const value = frozen(parsed(key, wholeOf(reader, key, octets)))
  if (partsOf(octets) > 0) return value
  if (knownRows.size >= maxKnownRows) knownRows.clear()
  knownRows.set(name, { row, value })
  return value
}

const frozen = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null) return value
  for (const each of Object.values(value)) frozen(each)
  return Object.freeze(value)
}

export const putJson = (unit: Unit, key: Buffer, value: unknown): void =>
  putLong(unit, key, Buffer.from(JSON.stringify(value)))

/** As `putNewLong`. */
export const putNewJson = (unit: Unit, key: Buffer, value: unknown): void =>
  putNewLong(unit, key, Buffer.from(JSON.stringify(value)))

/** Every row of a prefix as JSON, in the order of keys. Throws 'corrupt'. */
export const jsonRows = (reader: Reader, prefix: Buffer): Generator<{ key: Buffer; value: unknown }> =>
  jsonRowsIn(reader, { start: prefix, end: keyAfter(prefix) })

/** Every row between two keys as JSON. Throws 'corrupt'. */
export function* jsonRowsIn(
  reader: Reader,
  range: { readonly start: Buffer; readonly end: Buffer; readonly limit?: number },
): Generator<{ key: Buffer; value: unknown }> {
  for (const { key, value } of reader.range(range)) {
    yield { key, value: parsedRow(reader, key, value) }
  }
}

/** A row that a range gave, as JSON. Throws 'corrupt'. */
export const parsedRow = (reader: Reader, key: Buffer, row: Buffer): unknown =>
  parsed(key, wholeOf(reader, key, row))

const parsed = (key: Buffer, value: Buffer): unknown => {
  try {
    return JSON.parse(value.toString())
  } catch {
    throw damagedRow(key)
  }
}
