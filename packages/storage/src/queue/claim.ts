import type { Acceptance, AcceptedRecipient, LeaseTerms, QueueEntry, QueueStore } from '../contract.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { isAlive, type ProcessIdentity } from '../process-identity.ts'
import {
  readEntry,
  readRecipient,
  type StoredEntry,
  type StoredRecipient,
  toQueueEntry,
  writeRecipient,
} from '../rows/queue-row.ts'
import { type AcceptPlace, acceptIn } from './accept.ts'
import { addDue, addLease, DueChanges, dueHops, dueOfHop, leasesUntil, removeLease } from './due-index.ts'

type Claim = Parameters<QueueStore['claimDue']>[0]

/** One next hop gets at most this share of a claim while others wait. */
const hopShare = 20

interface Candidate {
  readonly queueId: string
  readonly index: number
}

/** Attempts are counted here, before anything is tried. */
export const claimDueIn = (unit: Unit, claim: Claim, self: ProcessIdentity): QueueEntry[] => {
  endLeases(unit, claim, self)
  const claimed = new Map<string, { index: number; recipient: StoredRecipient }[]>()
  const known = new Map<string, StoredEntry | undefined>()
  const due = new DueChanges(unit)
  for (const { queueId, index } of candidates(unit, claim)) {
    const recipient = readRecipient(unit, queueId, index)
    if (recipient === undefined) continue
    due.remove({ ...recipient, queueId, index })
    if (!known.has(queueId)) known.set(queueId, readEntry(unit, queueId))
    // Of a large message that is being put on hold they leave one after the other.
    if (known.get(queueId)?.hold !== false) continue
    const mine = leased(recipient, claim, self)
    writeRecipient(unit, queueId, index, mine)
    addLease(unit, claim.leaseUntilMs, queueId, index)
    const list = claimed.get(queueId) ?? []
    list.push({ index, recipient: mine })
    claimed.set(queueId, list)
  }
  due.settle()
  const entries: QueueEntry[] = []
  for (const [queueId, recipients] of claimed) {
    const entry = known.get(queueId)
    if (entry)
      entries.push(
        toQueueEntry(
          entry,
          recipients.sort((a, b) => a.index - b.index),
        ),
      )
  }
  return entries
}

const leased = (
  recipient: StoredRecipient,
  { owner, nowMs, leaseUntilMs, steadyMs }: LeaseTerms,
  { pid, startTicks, boot }: ProcessIdentity,
): StoredRecipient => ({
  ...recipient,
  attempts: recipient.attempts + 1,
  lease: {
    owner,
    untilMs: leaseUntilMs,
    ...(steadyMs !== undefined && { steadyUntilMs: Math.trunc(steadyMs + leaseUntilMs - nowMs) }),
    process: { pid, startTicks, boot },
  },
})

/** Accepts a message and claims whoever is due in the same unit: no other one is between the two. */
export const acceptClaimedIn = (
  engine: AcceptPlace,
  unit: Unit,
  acceptance: Acceptance,
  blobId: number,
  claim: LeaseTerms & { readonly self: ProcessIdentity },
): { accepted: AcceptedRecipient[]; claimed: QueueEntry | undefined } => {
  const mine: { index: number; recipient: StoredRecipient }[] = []
  let stored: StoredEntry | undefined
  const accepted = acceptIn(engine, unit, acceptance, blobId, (unit, entry, { index, recipient }) => {
    if (recipient.dueMs > claim.nowMs) return undefined
    const taken = leased(recipient, claim, claim.self)
    addLease(unit, claim.leaseUntilMs, entry.queueId, index)
    stored = entry
    mine.push({ index, recipient: taken })
    return taken
  })
  return { accepted, claimed: stored === undefined ? undefined : toQueueEntry(stored, mine) }
}

/** First a share for each hop, then another one for those who have more: nobody has all the places of a worker. */
const candidates = (unit: Unit, { nowMs, limit, except, exceptTransports }: Claim): Candidate[] => {
  const passedOver = new Set(except)
  const transportsPassedOver = new Set(exceptTransports)
  const chosen: Candidate[] = []
  const more: Candidate[][] = []
  for (const { hash, row } of dueHops(unit, nowMs)) {
    if (chosen.length >= limit) break
    if (passedOver.has(row.nextHop) || transportsPassedOver.has(row.transport)) continue
    const room = limit - chosen.length
    const due = dueOfHop(unit, hash, Math.min(limit, 2 * hopShare), nowMs)
    chosen.push(...due.slice(0, Math.min(hopShare, room)))
    if (due.length > hopShare) more.push(due.slice(hopShare))
  }
  for (const rest of more) chosen.push(...rest.slice(0, Math.max(0, limit - chosen.length)))
  return chosen.slice(0, limit)
}

/** A worker that died gives its claims back when their lease ends; the attempt stays counted. */
const endLeases = (unit: Unit, claim: Claim, self: ProcessIdentity): void => {
  const { nowMs } = claim
  for (const { queueId, index } of endedLeases(unit, claim, self)) {
    giveBack(unit, queueId, index, (recipient) => ({ ...recipient, dueMs: Math.trunc(nowMs) }))
  }
}

/** A clock that was set forward ends nobody's lease. Of another boot no process lives, and the clock is another. */
export const endedLeases = (
  reader: Reader,
  { nowMs, steadyMs }: Pick<LeaseTerms, 'nowMs' | 'steadyMs'>,
  { boot }: ProcessIdentity,
): { queueId: string; index: number }[] => {
  const ended = leasesUntil(reader, nowMs)
  if (steadyMs === undefined || ended.length === 0) return ended
  return ended.filter(({ queueId, index }) => {
    const { steadyUntilMs, process } = readRecipient(reader, queueId, index)?.lease ?? {}
    return steadyUntilMs === undefined || process?.boot !== boot || steadyUntilMs <= steadyMs
  })
}

/** A worker that was killed need not keep its mail waiting until the lease ends. */
export const endDeadLeases = (unit: Unit, nowMs: number): number => {
  const living = new Map<string, boolean>()
  let ended = 0
  for (const { queueId, index } of leasesUntil(unit, Number.POSITIVE_INFINITY)) {
    const owner = readRecipient(unit, queueId, index)?.lease?.process
    if (owner === undefined) continue
    const key = `${owner.boot} ${owner.pid} ${owner.startTicks}`
    const lives = living.get(key) ?? isAlive(owner)
    living.set(key, lives)
    if (lives) continue
    giveBack(unit, queueId, index, (recipient) => ({ ...recipient, dueMs: Math.trunc(nowMs) }))
    ended++
  }
  if (ended > 0) unit.wake({ kind: 'queue' })
  return ended
}

/** Takes a claim back and puts the recipient among the due again. */
export const giveBack = (
  unit: Unit,
  queueId: string,
  index: number,
  change: (recipient: StoredRecipient, lease: NonNullable<StoredRecipient['lease']>) => StoredRecipient,
): void => {
  const stored = readRecipient(unit, queueId, index)
  if (stored?.lease === undefined) return
  removeLease(unit, stored.lease.untilMs, queueId, index)
  const { lease, ...free } = stored
  const recipient = change(free, lease)
  writeRecipient(unit, queueId, index, recipient)
  if (readEntry(unit, queueId)?.hold === false) addDue(unit, { ...recipient, queueId, index })
}
