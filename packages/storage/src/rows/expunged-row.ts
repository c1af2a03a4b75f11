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

export const decodeUidRanges = (bytes: Buffer, into: number[]): void => {
  let at = 0
  let last = 0
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
    for (let uid = first; uid <= last; uid++) into.push(uid)
  }
}

const keyOf = (mailbox: number, modSeq: number, part: number): Buffer =>
  keyOf32and64(tables.expunged, mailbox, modSeq, part)

export const writeExpunged = (unit: Unit, mailbox: number, modSeq: number, uids: Uint32Array): void => {
  encodeUidRanges(uids).forEach((bytes, part) => {
    unit.put(keyOf(mailbox, modSeq, part), bytes)
  })
}

/** UIDs expunged after `modSeq`, ascending. */
export const expungedSince = (reader: Reader, mailbox: number, modSeq: number): Uint32Array => {
  const uids: number[] = []
  const range = { start: keyOf(mailbox, modSeq + 1, 0), end: keyAfter(keyOf32(tables.expunged, mailbox)) }
  for (const { value } of reader.range(range)) decodeUidRanges(value, uids)
  return Uint32Array.from(uids).sort()
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
