import { crc32 } from 'node:zlib'
import { keyAfter, keyOf32, keyOf32and64, read64, tables } from '../kv/keys.ts'
import { maxValueBytes, type Reader, type Unit } from '../kv/unit.ts'
import type { MailboxState } from './mailbox-row.ts'

/** UIDs that left a mailbox, by the MODSEQ at which they left: RFC 7162 §3.2.5 (VANISHED). */
const roomBytes = maxValueBytes - 20

const writeVarint = (target: number[], value: number): void => {
  let rest = value
  while (rest > 127) {
    target.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  target.push(rest)
}

/** Ascending UIDs as gap and run length, both varints; split so that no row overflows. */
export const encodeUidRanges = (uids: Uint32Array): Buffer[] => {
  const rows: Buffer[] = []
  let current: number[] = []
  let last = 0
  let from = 0
  while (from < uids.length) {
    let to = from
    while (to + 1 < uids.length && uids[to + 1] === (uids[to] as number) + 1) to++
    writeVarint(current, (uids[from] as number) - last)
    writeVarint(current, to - from)
    last = uids[to] as number
    from = to + 1
    if (current.length > roomBytes) {
      rows.push(Buffer.from(current))
      current = []
      last = 0
    }
  }
  if (current.length > 0) rows.push(Buffer.from(current))
  return rows
}

/** @param into gets the first and the last UID of each range. @returns how many UIDs those are. */
export const decodeUidRanges = (bytes: Buffer, into: number[]): number => {
  let at = 0
  let last = 0
  let count = 0
  const next = (): number => {
    let value = 0
    let scale = 1
    for (;;) {
      const octet = bytes[at++] ?? 0
      value += (octet & 127) * scale
      if (octet < 128) return value
      scale *= 128
    }
  }
  while (at < bytes.length) {
    const first = last + next()
    last = first + next()
    into.push(first, last)
    count += last - first + 1
  }
  return count
}

const keyOf = (mailbox: number, modSeq: number, part: number): Buffer =>
  keyOf32and64(tables.expunged, mailbox, modSeq, part)

/** The key ends with a checksum of the whole row; that of rows from before there was one does not. */
const sealedKey = (key: Buffer, value: Buffer): Buffer => {
  const seal = Buffer.allocUnsafe(sealBytes)
  seal.writeUInt32BE(crc32(value, crc32(key)))
  return Buffer.concat([key, seal])
}

const keyBytes = 15
const sealBytes = 4

/** False for a row of which a bit has flipped. */
export const isWholeExpunged = (key: Buffer, value: Buffer): boolean =>
  key.length === keyBytes ||
  (key.length === keyBytes + sealBytes &&
    key.readUInt32BE(keyBytes) === crc32(value, crc32(key.subarray(0, keyBytes))))

export const writeExpunged = (unit: Unit, mailbox: number, modSeq: number, uids: Uint32Array): void => {
  encodeUidRanges(uids).forEach((bytes, part) => {
    unit.put(sealedKey(keyOf(mailbox, modSeq, part), bytes), bytes)
  })
}

/** UIDs expunged after `modSeq`, ascending; undefined when that is not known any more: a row is damaged. */
export const expungedSince = (reader: Reader, mailbox: number, modSeq: number): Uint32Array | undefined => {
  const ranges: number[] = []
  let count = 0
  const range = { start: keyOf(mailbox, modSeq + 1, 0), end: keyAfter(keyOf32(tables.expunged, mailbox)) }
  for (const { key, value } of reader.range(range)) {
    if (!isWholeExpunged(key, value)) return undefined
    count += decodeUidRanges(value, ranges)
  }
  return uidsOf(ranges, count)
}

/** Of one expunge they ascend already. */
const uidsOf = (ranges: readonly number[], count: number): Uint32Array => {
  const uids = new Uint32Array(count)
  let to = 0
  let isAscending = true
  for (let at = 0; at < ranges.length; at += 2) {
    if (at > 0 && (ranges[at] as number) <= (ranges[at - 1] as number)) isAscending = false
    for (let uid = ranges[at] as number; uid <= (ranges[at + 1] as number); uid++) uids[to++] = uid
  }
  return isAscending ? uids : uids.sort()
}

/** False when there were none. */
export const removeSomeExpunged = (unit: Unit, mailbox: number, limit: number): boolean => {
  const start = keyOf32(tables.expunged, mailbox)
  const keys = Array.from(unit.range({ start, end: keyAfter(start), limit }), ({ key }) => key)
  for (const key of keys) unit.remove(key)
  return keys.length > 0
}

/** Rows of history that one mailbox keeps (each names the messages of one expunge). */
const maxHistoryRows = 20_000

/** Forgets the oldest history when there is too much; `state.historyFloor` says from where it is whole. */
export const pruneExpunged = (unit: Unit, mailbox: number, state: MailboxState): void => {
  const prefix = keyOf32(tables.expunged, mailbox)
  const keys = Array.from(unit.range({ start: prefix, end: keyAfter(prefix) }), ({ key }) => key)
  for (const key of keys.slice(0, Math.max(0, keys.length - maxHistoryRows))) {
    unit.remove(key)
    state.historyFloor = Math.max(state.historyFloor, read64(key, 5))
  }
}
