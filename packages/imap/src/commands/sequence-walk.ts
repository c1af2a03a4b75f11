import { lowerBound } from '../wire/number-set.ts'

/** Sequence numbers of UIDs asked for in ascending order: one step each instead of one search each. */
export class SequenceWalk {
  readonly #uids: Uint32Array
  #at = 0

  /** @param uids of the mailbox as the client knows it, ascending */
  constructor(uids: Uint32Array) {
    this.#uids = uids
  }

  /** 0 when the client does not know the message. */
  sequenceOf(uid: number): number {
    const uids = this.#uids
    let at = this.#at
    if (uids[at] !== uid) {
      at++
      if (uids[at] !== uid) at = lowerBound(uids, uid)
    }
    this.#at = at
    return uids[at] === uid ? at + 1 : 0
  }
}
