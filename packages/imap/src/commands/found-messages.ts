/** What a searching command means by numbers, and which messages it may name. */
import type { SearchFound } from '@posthorn/storage'
import type { SelectedSession, SessionIn } from '../session/session.ts'
import type { Turn } from '../session/turn.ts'
import { type NumberSet, pick } from '../wire/number-set.ts'
import type { SearchScope } from '../wire/search-program.ts'
import { uidRequired } from '../wire/syntax-fault.ts'
import { SequenceWalk } from './sequence-walk.ts'

/** Sets in keys always mean the mailbox as this client knows it. */
export function scopeOf(session: SelectedSession): SearchScope {
  const { mailbox, services } = session
  const { uids } = mailbox
  const named = (set: NumberSet, bySequence: () => readonly number[]) =>
    set.saved ? uidRanges(mailbox.saved) : uidRanges(pick(uids, bySequence()))
  return {
    sequenceRanges(set) {
      // RFC 9586 §3.
      if (!set.saved && session.enabled('UIDONLY')) throw uidRequired()
      // RFC 7162 §3.2.10.2: numbers among the keys of UID SEARCH.
      if (!set.saved) session.holdExpunges()
      return named(set, () => set.sequenceIndexesWithin(uids.length))
    },
    uidRanges: (set) => (set.saved ? uidRanges(mailbox.saved) : set.ranges(uids[uids.length - 1] ?? 0)),
    recentRanges: () => (mailbox.hasRecent ? uidRanges(uids.filter((uid) => mailbox.isRecent(uid))) : []),
    nowMs: services.now(),
  }
}

/** Sets in keys for a mailbox that is not selected: `$` names nothing there, and nothing is \Recent. */
export function scopeOfUids(
  session: SessionIn<'authenticated' | 'selected'>,
  uids: Uint32Array,
): SearchScope {
  return {
    sequenceRanges(set) {
      if (set.saved) return []
      if (session.enabled('UIDONLY')) throw uidRequired()
      return uidRanges(pick(uids, set.sequenceIndexesWithin(uids.length)))
    },
    uidRanges: (set) => (set.saved ? [] : set.ranges(uids[uids.length - 1] ?? 0)),
    recentRanges: () => [],
    nowMs: session.services.now(),
  }
}

/** Runs of UIDs that follow each other. */
function uidRanges(uids: Uint32Array): (readonly [number, number])[] {
  const ranges: (readonly [number, number])[] = []
  let first = 0
  for (let at = 1; at <= uids.length; at++) {
    if (at < uids.length && uids[at] === uids[at - 1]! + 1) continue
    ranges.push([uids[first]!, uids[at - 1]!])
    first = at
  }
  return ranges
}

export interface Found extends SearchFound {
  /** What the answer lists: sequence numbers, or the UIDs again. */
  readonly numbers: Uint32Array
}

/** Leaves out messages of which the client does not know yet. */
export async function visible(
  { mailbox, numbering }: SelectedSession,
  found: SearchFound,
  turn: Turn,
): Promise<Found> {
  const numbers = await sequenceNumbers(mailbox.uids, found.uids, turn)
  if (!numbers.includes(0)) return { ...found, numbers: numbering === 'uid' ? found.uids : numbers }
  const uids = found.uids.filter((_, at) => numbers[at] !== 0)
  const known = numbers.filter((number) => number !== 0)
  const scores = found.scores?.filter((_, at) => numbers[at] !== 0)
  return { ...found, uids, numbers: numbering === 'uid' ? uids : known, ...(scores && { scores }) }
}

/** Of UIDs in any order; 0 where the client does not know the message. */
export async function sequenceNumbers(
  known: Uint32Array,
  uids: Uint32Array,
  turn: Turn,
): Promise<Uint32Array> {
  const walk = new SequenceWalk(known)
  const numbers = new Uint32Array(uids.length)
  for (let at = 0; at < uids.length; at++) {
    numbers[at] = walk.sequenceOf(uids[at]!)
    if (at % 1024 === 0) await turn.pass()
  }
  return numbers
}
