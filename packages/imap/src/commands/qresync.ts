import type { ModSeq } from '@posthorn/storage'
import { newsLines } from '../session/news-lines.ts'
import type { OpenMailbox } from '../session/open-mailbox.ts'
import type { SessionIn } from '../session/session.ts'
import { formatNumbers, type NumberSet } from '../wire/number-set.ts'
import type { Parser } from '../wire/parser.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'

/** What the client says it knows. RFC 7162 §3.2.5. */
export interface Qresync {
  readonly uidValidity: number
  readonly modSeq: ModSeq
  readonly knownUids: NumberSet | undefined
  /** Sequence numbers and the UIDs they had, in step. */
  readonly match: { readonly sequence: NumberSet; readonly uids: NumberSet } | undefined
}

type Range = readonly [number, number]

/** After `QRESYNC`. RFC 7162 §7 select-param. */
export function qresyncParameter(p: Parser): Qresync {
  p.sp().expect('(')
  const uidValidity = p.nzNumber()
  // 0, too, from a client that kept none, as Dovecot and Cyrus take it.
  const modSeq = p.sp().number64() as ModSeq
  let knownUids: NumberSet | undefined
  let match: Qresync['match']
  if (p.acceptSp()) {
    if (!p.peek('(')) knownUids = plainSet(p)
    if (knownUids === undefined || p.acceptSp()) {
      const sequence = plainSet(p.expect('('))
      match = { sequence, uids: plainSet(p.sp()) }
      p.expect(')')
    }
  }
  p.expect(')')
  return { uidValidity, modSeq, knownUids, match }
}

function plainSet(p: Parser): NumberSet {
  const set = p.numberSet()
  if (set.saved || set.hasStar) throw new SyntaxFault('Expected a set of known numbers')
  return set
}

/** `* VANISHED (EARLIER)` and FETCH of all that changed since. RFC 7162 §3.2.5.1. */
export async function resynchronize(
  session: SessionIn<'authenticated' | 'selected'>,
  mailbox: OpenMailbox,
  uidNext: number,
  { uidValidity, modSeq, knownUids, match }: Qresync,
): Promise<void> {
  if (uidValidity !== mailbox.uidValidity) return
  const changes = await session.store.messages.changesSince(mailbox.id, modSeq)
  const last = uidNext - 1
  const known: readonly Range[] = knownUids === undefined ? [[1, last]] : knownUids.ranges(last)
  const matched =
    match === undefined ? 0 : lastMatched(mailbox.uids, match.sequence.ranges(0), match.uids.ranges(0))
  // Gone while we looked: part of the news to come, not of the past.
  const vanished = changes.vanished.filter(
    (uid) => uid > matched && uid <= last && within(known, uid) && mailbox.sequenceOf(uid) === 0,
  )
  if (vanished.length > 0) await session.write(`* VANISHED (EARLIER) ${formatNumbers(vanished)}\r\n`)
  const places: number[] = []
  changes.changed.uids.forEach((uid, place) => {
    if (within(known, uid)) places.push(place)
  })
  mailbox.updateKeywords(changes.keywords)
  const news = { expunged: undefined, exists: undefined, recent: undefined, changed: changes.changed, places }
  for (const lines of newsLines(mailbox, news, {
    modSeq: true,
    vanished: true,
    uidOnly: session.enabled('UIDONLY'),
  })) {
    await session.write(lines)
    if (session.gone) return
  }
}

/**
 * The last UID of the sample that stands where the client saw it: what is below it has not vanished unseen.
 * Bounded by the mailbox, whatever the sets say. RFC 7162 §3.2.5.2.
 */
export function lastMatched(uids: Uint32Array, sequence: readonly Range[], known: readonly Range[]): number {
  let matched = 0
  let range = 0
  let uid = known[0]?.[0] ?? 0
  for (const [first, last] of sequence) {
    for (let number = first; number <= last && number <= uids.length; number++) {
      if (range >= known.length || uids[number - 1] !== uid) return matched
      matched = uid
      if (uid < known[range]![1]) uid++
      else uid = known[++range]?.[0] ?? 0
    }
  }
  return matched
}

/** @param ranges ascending, disjoint */
function within(ranges: readonly Range[], uid: number): boolean {
  let from = 0
  let to = ranges.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if (ranges[middle]![1] < uid) from = middle + 1
    else to = middle
  }
  return from < ranges.length && ranges[from]![0] <= uid
}
