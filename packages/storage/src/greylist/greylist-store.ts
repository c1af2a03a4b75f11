import { hash } from 'node:crypto'
import { type GreylistRow, type GreylistStore, type GreylistTriplet, StoreError } from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import { keyAfter, keyOfTable, type TableTag, tables } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { getJson, parsedRow, putJson, removeLong } from '../rows/long-value.ts'

type Rules = Parameters<GreylistStore['attempt']>[1]

interface NetworkRow {
  readonly network: string
  readonly passes: number
  readonly lastSeenMs: number
}

/** Strangers choose these texts: hashed for the key, cut for the row. */
const maxTextLength = 320
const expirySlice = 1_000

const hashKey = (tag: TableTag, ...texts: string[]): Buffer =>
  Buffer.concat([Buffer.from([tag]), hash('sha256', texts.join('\0'), 'buffer').subarray(0, 16)])

const tripletKey = ({ network, sender, recipient }: GreylistTriplet): Buffer =>
  hashKey(tables.greylist, network, sender, recipient)
const networkKey = (network: string): Buffer => hashKey(tables.greylistNetwork, network)

export const createGreylistStore = (engine: Engine): GreylistStore => ({
  async attempt(triplet, rules) {
    const snapshot = snapshotOf(engine)
    // When it was seen last counts in days: a write for each of its messages says nothing new.
    if (isSeenLately(provenNetwork(snapshot, triplet, rules), rules)) return passesAtOnce
    if (isSeenLately(passedTriplet(snapshot, triplet, rules), rules)) return passesAgain
    return engine.commit.run((unit) => attempt(unit, triplet, rules))
  },
  async list(limit = 1_000) {
    const rows: GreylistRow[] = []
    for (const { value } of wholeOrDamaged(snapshotOf(engine), tables.greylist)) {
      if (rows.length >= limit) break
      if (value !== undefined) rows.push(value as GreylistRow)
    }
    return rows.sort((a, b) => b.lastSeenMs - a.lastSeenMs)
  },
  expire: (nowMs, retryWindowMs, maxAgeMs) => expire(engine, nowMs, retryWindowMs, maxAgeMs),
})

/** A damaged row says nothing: whom it was about is a stranger again. */
const rowOf = (reader: Reader, key: Buffer): unknown => {
  try {
    return getJson(reader, key)
  } catch (error) {
    if (isCorrupt(error)) return undefined
    throw error
  }
}

const isCorrupt = (error: unknown): boolean => error instanceof StoreError && error.kind === 'corrupt'

/** `value` of a damaged one is undefined. */
function* wholeOrDamaged(reader: Reader, table: TableTag): Generator<{ key: Buffer; value: unknown }> {
  const start = keyOfTable(table)
  for (const { key, value } of reader.range({ start, end: keyAfter(start) })) {
    try {
      yield { key, value: parsedRow(reader, key, value) }
    } catch (error) {
      if (!isCorrupt(error)) throw error
      yield { key, value: undefined }
    }
  }
}

const seenAgainMs = 60_000
const passesAtOnce = { waitMs: 0, first: false, autoWhitelisted: true }
const passesAgain = { waitMs: 0, first: false, autoWhitelisted: false }

const isSeenLately = (row: { readonly lastSeenMs: number } | undefined, { nowMs }: Rules): boolean =>
  row !== undefined && Math.abs(nowMs - row.lastSeenMs) < seenAgainMs

/** A triplet that has waited once and need not again. */
const passedTriplet = (
  reader: Reader,
  triplet: GreylistTriplet,
  { nowMs, retryWindowMs, maxAgeMs }: Rules,
): GreylistRow | undefined => {
  const row = rowOf(reader, tripletKey(triplet)) as GreylistRow | undefined
  if (row === undefined || row.passed === 0 || row.firstSeenMs > nowMs) return undefined
  return isExpired(row, nowMs, retryWindowMs, maxAgeMs) ? undefined : row
}

/** The client's network when it has passed so often that it never waits. */
const provenNetwork = (
  reader: Reader,
  { network }: GreylistTriplet,
  { nowMs, maxAgeMs, autoWhitelistPasses }: Rules,
): NetworkRow | undefined => {
  const row = rowOf(reader, networkKey(network)) as NetworkRow | undefined
  if (row === undefined || nowMs - row.lastSeenMs > maxAgeMs) return undefined
  return autoWhitelistPasses > 0 && row.passes >= autoWhitelistPasses ? row : undefined
}

const isExpired = (row: GreylistRow, nowMs: number, retryWindowMs: number, maxAgeMs: number): boolean =>
  row.passed > 0 ? nowMs - row.lastSeenMs > maxAgeMs : nowMs - row.firstSeenMs > retryWindowMs

const attempt = (
  unit: Unit,
  triplet: GreylistTriplet,
  rules: Rules,
): { waitMs: number; first: boolean; autoWhitelisted: boolean } => {
  const { nowMs } = rules
  const network = rowOf(unit, networkKey(triplet.network)) as NetworkRow | undefined
  const proven = network !== undefined && nowMs - network.lastSeenMs <= rules.maxAgeMs ? network : undefined
  if (proven && rules.autoWhitelistPasses > 0 && proven.passes >= rules.autoWhitelistPasses) {
    putJson(unit, networkKey(triplet.network), { ...proven, lastSeenMs: nowMs })
    return { waitMs: 0, first: false, autoWhitelisted: true }
  }
  const key = tripletKey(triplet)
  const stored = rowOf(unit, key) as GreylistRow | undefined
  const live = stored && !isExpired(stored, nowMs, rules.retryWindowMs, rules.maxAgeMs) ? stored : undefined
  // A clock set back must not make anybody wait for ever.
  const known = live && live.firstSeenMs <= nowMs ? live : undefined
  const firstSeenMs = known?.firstSeenMs ?? nowMs
  const waitMs = known && known.passed > 0 ? 0 : Math.max(0, firstSeenMs + rules.delayMs - nowMs)
  const passed = (known?.passed ?? 0) + (waitMs === 0 ? 1 : 0)
  putJson(unit, key, {
    network: triplet.network.slice(0, maxTextLength),
    sender: triplet.sender.slice(0, maxTextLength),
    recipient: triplet.recipient.slice(0, maxTextLength),
    firstSeenMs,
    lastSeenMs: nowMs,
    passed,
  })
  if (waitMs === 0 && passed === 1) {
    const passes = (proven?.passes ?? 0) + 1
    putJson(unit, networkKey(triplet.network), {
      network: triplet.network.slice(0, maxTextLength),
      passes,
      lastSeenMs: nowMs,
    })
  }
  return { waitMs, first: known === undefined, autoWhitelisted: false }
}

/** In slices, so that a large list never holds the others up. */
const expire = async (
  engine: Engine,
  nowMs: number,
  retryWindowMs: number,
  maxAgeMs: number,
): Promise<number> => {
  const old: Buffer[] = []
  const snapshot = snapshotOf(engine)
  for (const { key, value } of wholeOrDamaged(snapshot, tables.greylist)) {
    if (value === undefined || isExpired(value as GreylistRow, nowMs, retryWindowMs, maxAgeMs)) old.push(key)
  }
  for (const { key, value } of wholeOrDamaged(snapshot, tables.greylistNetwork)) {
    if (value === undefined || nowMs - (value as NetworkRow).lastSeenMs > maxAgeMs) old.push(key)
  }
  for (let from = 0; from < old.length; from += expirySlice) {
    const slice = old.slice(from, from + expirySlice)
    await engine.commit.runFreeing((unit) => {
      for (const key of slice) removeLong(unit, key)
    })
  }
  return old.length
}
