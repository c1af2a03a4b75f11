import { hash as digestOf } from 'node:crypto'
import { keyAfter, read64, tables, write64 } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { getJson, putJson, putNewJson, removeLong } from '../rows/long-value.ts'
import { parseRecipientTail, recipientTail } from '../rows/queue-row.ts'

/**
 * Who is due, by next hop: [due, hop, time, recipient], and the hops in the order of their earliest time.
 * So neither a hop at its limit with 100,000 recipients waiting, nor a deferred queue, is ever walked.
 */
export interface Due {
  readonly queueId: string
  readonly index: number
  readonly transport: string
  readonly nextHop: string
  readonly dueMs: number
}

export interface HopRow {
  readonly transport: string
  readonly nextHop: string
  readonly firstDueMs: number
}

const one = Buffer.from([1])

const maxHashes = 1_000
/** Of hops asked for lately: one hop mostly has many messages. */
const hashes = new Map<string, Buffer>()

const hopHash = (transport: string, nextHop: string): Buffer => {
  const hop = `${transport}\0${nextHop}`
  const known = hashes.get(hop)
  if (known !== undefined) return known
  const hash = Buffer.from(digestOf('sha256', hop, 'buffer').subarray(0, 8))
  if (hashes.size >= maxHashes) hashes.clear()
  hashes.set(hop, hash)
  return hash
}

const wholeMs = (ms: number): number => Math.max(0, Math.trunc(ms))

const octets64 = (number: number): Buffer => {
  const bytes = Buffer.allocUnsafe(8)
  write64(bytes, wholeMs(number), 0)
  return bytes
}

const tagged = (tag: number, first: Buffer, second?: Buffer): Buffer => {
  const key = Buffer.allocUnsafe(1 + first.length + (second?.length ?? 0))
  key[0] = tag
  first.copy(key, 1)
  second?.copy(key, 1 + first.length)
  return key
}

const dueHeadBytes = 16
/** Used again for each key. */
const dueHead = Buffer.alloc(dueHeadBytes)

const dueKey = (hop: Buffer, due: Due): Buffer => {
  hop.copy(dueHead)
  write64(dueHead, wholeMs(due.dueMs), hop.length)
  return recipientTail(tables.queueDue, dueHead, due.queueId, due.index)
}

const firstDue = (reader: Reader, hop: Buffer): number | undefined => {
  const start = tagged(tables.queueDue, hop)
  for (const { key } of reader.range({ start, end: keyAfter(start), limit: 1 })) return read64(key, 9)
  return undefined
}

const orderKey = (dueMs: number, hop: Buffer): Buffer => tagged(tables.queueHopOrder, octets64(dueMs), hop)

/** The hop's place in the order. */
const place = (unit: Unit, key: Buffer, hop: Buffer, former: HopRow | undefined, row: HopRow): void => {
  if (former === undefined) {
    putNewJson(unit, key, row)
    unit.replace(orderKey(row.firstDueMs, hop), one, undefined)
    return
  }
  unit.remove(orderKey(former.firstDueMs, hop))
  putJson(unit, key, row)
  unit.put(orderKey(row.firstDueMs, hop), one)
}

export const addDue = (unit: Unit, due: Due): void => {
  const { transport, nextHop } = due
  const dueMs = wholeMs(due.dueMs)
  const hop = hopHash(transport, nextHop)
  unit.put(dueKey(hop, due), one)
  const key = tagged(tables.queueHop, hop)
  const former = getJson(unit, key) as HopRow | undefined
  if (former === undefined || dueMs < former.firstDueMs)
    place(unit, key, hop, former, { transport, nextHop, firstDueMs: dueMs })
}

/**
 * Recipients of an entry that is being made: nothing is looked for, and each hop is put in its place once, whose time can only
 * become an earlier one.
 */
export class NewDues {
  readonly #unit: Unit
  readonly #hops = new Map<string, { readonly hash: Buffer; row: HopRow }>()

  constructor(unit: Unit) {
    this.#unit = unit
  }

  add(due: Due): void {
    const { transport, nextHop } = due
    const firstDueMs = wholeMs(due.dueMs)
    const name = `${transport}\0${nextHop}`
    let hop = this.#hops.get(name)
    if (hop === undefined) {
      hop = { hash: hopHash(transport, nextHop), row: { transport, nextHop, firstDueMs } }
      this.#hops.set(name, hop)
    } else if (firstDueMs < hop.row.firstDueMs) hop.row = { transport, nextHop, firstDueMs }
    this.#unit.replace(dueKey(hop.hash, due), one, undefined)
  }

  /** To be called once, at the end. */
  settle(): void {
    const unit = this.#unit
    for (const { hash, row } of this.#hops.values()) {
      const key = tagged(tables.queueHop, hash)
      const former = getJson(unit, key) as HopRow | undefined
      if (former === undefined || row.firstDueMs < former.firstDueMs) place(unit, key, hash, former, row)
    }
  }
}

export const removeDue = (unit: Unit, due: Due): void => {
  const { transport, nextHop } = due
  const hop = hopHash(transport, nextHop)
  unit.remove(dueKey(hop, due))
  const key = tagged(tables.queueHop, hop)
  const former = getJson(unit, key) as HopRow | undefined
  // Who is behind the first one changes nothing.
  if (former === undefined || wholeMs(due.dueMs) > former.firstDueMs) return
  const firstDueMs = firstDue(unit, hop)
  if (firstDueMs === former.firstDueMs) return
  if (firstDueMs !== undefined) {
    place(unit, key, hop, former, { transport, nextHop, firstDueMs })
    return
  }
  unit.remove(orderKey(former.firstDueMs, hop))
  removeLong(unit, key)
}

/** Many changes of one unit: a hop's place in the order is found once, when all are made. */
export class DueChanges {
  readonly #unit: Unit
  readonly #hops = new Map<
    string,
    { readonly hash: Buffer; readonly transport: string; readonly nextHop: string }
  >()

  constructor(unit: Unit) {
    this.#unit = unit
  }

  add(due: Due): void {
    this.#unit.put(dueKey(this.#note(due), due), one)
  }

  remove(due: Due): void {
    this.#unit.remove(dueKey(this.#note(due), due))
  }

  #note({ transport, nextHop }: Due): Buffer {
    const name = `${transport}\0${nextHop}`
    let hop = this.#hops.get(name)
    if (hop === undefined) {
      hop = { hash: hopHash(transport, nextHop), transport, nextHop }
      this.#hops.set(name, hop)
    }
    return hop.hash
  }

  /** To be called once, at the end. */
  settle(): void {
    const unit = this.#unit
    for (const { hash, transport, nextHop } of this.#hops.values()) {
      const key = tagged(tables.queueHop, hash)
      const former = getJson(unit, key) as HopRow | undefined
      const firstDueMs = firstDue(unit, hash)
      if (firstDueMs === former?.firstDueMs) continue
      if (firstDueMs !== undefined) place(unit, key, hash, former, { transport, nextHop, firstDueMs })
      else if (former !== undefined) {
        unit.remove(orderKey(former.firstDueMs, hash))
        removeLong(unit, key)
      }
    }
  }
}

export const nextDueMs = (reader: Reader): number | undefined => {
  const start = Buffer.from([tables.queueHopOrder])
  for (const { key } of reader.range({ start, end: keyAfter(start), limit: 1 })) return read64(key, 1)
  return undefined
}

/** Hops with somebody due, the longest waiting first. */
export function* dueHops(reader: Reader, nowMs: number): Generator<{ hash: Buffer; row: HopRow }> {
  const start = Buffer.from([tables.queueHopOrder])
  const end = tagged(tables.queueHopOrder, octets64(nowMs + 1))
  for (const { key } of reader.range({ start, end })) {
    const hash = Buffer.from(key.subarray(9))
    const row = getJson(reader, tagged(tables.queueHop, hash)) as HopRow | undefined
    if (row) yield { hash, row }
  }
}

/** Every hop, due or not. */
export const allHops = (reader: Reader): { hash: Buffer; row: HopRow }[] => {
  const start = Buffer.from([tables.queueHop])
  return Array.from(reader.range({ start, end: keyAfter(start) }), ({ key }) => {
    const hash = Buffer.from(key.subarray(1))
    return { hash, row: getJson(reader, tagged(tables.queueHop, hash)) as HopRow }
  })
}

export interface DuePlace {
  readonly queueId: string
  readonly index: number
  readonly dueMs: number
}

/** Recipients of one hop, the longest waiting first, up to `untilMs` inclusive, from behind a place. */
export const dueOfHop = (
  reader: Reader,
  hash: Buffer,
  limit: number,
  untilMs: number,
  behind?: DuePlace,
): DuePlace[] => {
  const start =
    behind === undefined
      ? tagged(tables.queueDue, hash)
      : Buffer.concat([dueKey(hash, { ...behind, transport: '', nextHop: '' }), Buffer.from([0])])
  const end =
    untilMs === Number.POSITIVE_INFINITY
      ? keyAfter(tagged(tables.queueDue, hash))
      : tagged(tables.queueDue, hash, octets64(untilMs + 1))
  return Array.from(reader.range({ start, end, limit }), ({ key }) => ({
    ...parseRecipientTail(key, dueHeadBytes),
    dueMs: read64(key, 9),
  }))
}

const leaseKey = (untilMs: number, queueId: string, index: number): Buffer =>
  recipientTail(tables.queueLease, octets64(untilMs), queueId, index)

export const addLease = (unit: Unit, untilMs: number, queueId: string, index: number): void =>
  unit.put(leaseKey(untilMs, queueId, index), one)

export const removeLease = (unit: Unit, untilMs: number, queueId: string, index: number): void =>
  unit.remove(leaseKey(untilMs, queueId, index))

/** Claims whose lease ended by `nowMs` (all with infinity). */
export const leasesUntil = (reader: Reader, nowMs: number): { queueId: string; index: number }[] => {
  const start = Buffer.from([tables.queueLease])
  const end =
    nowMs === Number.POSITIVE_INFINITY ? keyAfter(start) : tagged(tables.queueLease, octets64(nowMs + 1))
  return Array.from(reader.range({ start, end }), ({ key }) => parseRecipientTail(key, 8))
}
