import type { MessageBatch } from '@posthorn/storage'
import { lowerBound } from '../wire/number-set.ts'

/** Which messages the client itself changed, and their MODSEQ since then. */
export type OwnChanges = Pick<MessageBatch, 'uids' | 'modSeqs'>

/** Gone messages: UIDs, and their sequence numbers as they were before, ascending. */
export interface Expunged {
  readonly uids: Uint32Array
  readonly sequence: Uint32Array
}

/** What the client has to be told, in the order in which it has to be told. */
export interface News {
  readonly expunged: Expunged | undefined
  /** New number of messages, when messages came. */
  readonly exists: number | undefined
  /** How many are \Recent now; undefined when it is what the client knows. */
  readonly recent: number | undefined
  /** Flag changes of messages that the client knows: places in `changed`. */
  readonly changed: MessageBatch
  readonly places: readonly number[]
}

/** What `before` has and `after` has not; both ascending. */
export function goneBetween(before: Uint32Array, after: Uint32Array): Expunged | undefined {
  const places: number[] = []
  let to = 0
  for (let at = 0; at < before.length; at++) {
    const uid = before[at]!
    while (to < after.length && after[to]! < uid) to++
    if (after[to] !== uid) places.push(at)
  }
  if (places.length === 0) return undefined
  const uids = new Uint32Array(places.length)
  const sequence = new Uint32Array(places.length)
  places.forEach((place, at) => {
    uids[at] = before[place]!
    sequence[at] = place + 1
  })
  return { uids, sequence }
}

export function joined(first: Uint32Array, second: Uint32Array): Uint32Array {
  const all = new Uint32Array(first.length + second.length)
  all.set(first)
  all.set(second, first.length)
  return all
}

/** Places of changes of known messages, without those that the client itself made and knows. */
export function untold(
  changed: MessageBatch,
  lastKnown: number,
  told: readonly OwnChanges[] | undefined,
): number[] {
  const { uids, modSeqs } = changed
  const end = lowerBound(uids, lastKnown + 1)
  let places: number[] = []
  for (let at = 0; at < end; at++) places.push(at)
  for (const own of told ?? []) {
    let next = 0
    places = places.filter((at) => {
      const uid = uids[at]!
      if (own.uids[next] !== uid) next = lowerBound(own.uids, uid)
      return own.uids[next] !== uid || own.modSeqs[next++] !== modSeqs[at]!
    })
  }
  return places
}

/**
 * Of a change that the client is not told of: messages that stood as the client knew them. What others had changed
 * before it is news with it.
 * @param formerModSeqs of `changed`, before
 * @param knownModSeq the client knows all until then, and `told`
 */
export function changedFromKnown(
  changed: OwnChanges,
  formerModSeqs: Float64Array,
  knownModSeq: number,
  told: readonly OwnChanges[] | undefined,
): OwnChanges {
  const isKnown = (at: number): boolean => {
    const former = formerModSeqs[at]!
    return former <= knownModSeq || told?.some((batch) => knows(batch, changed.uids[at]!, former)) === true
  }
  let known = 0
  while (known < changed.uids.length && isKnown(known)) known++
  if (known === changed.uids.length) return changed
  return {
    uids: changed.uids.filter((_, at) => isKnown(at)),
    modSeqs: changed.modSeqs.filter((_, at) => isKnown(at)),
  }
}

function knows(batch: OwnChanges, uid: number, modSeq: number): boolean {
  const at = lowerBound(batch.uids, uid)
  return batch.uids[at] === uid && batch.modSeqs[at] === modSeq
}
