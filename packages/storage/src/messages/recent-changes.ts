const maxMailboxes = 256
/** Changes of a mailbox that are remembered. */
const maxChanges = 128
/** A change of more is looked up in the mailbox. */
const maxChunks = 64

interface Recent {
  /** MODSEQ of the first one; the others follow without a gap. */
  first: number
  /** Of each MODSEQ the chunks with messages that have it. */
  chunks: (readonly number[])[]
}

/**
 * Where the last changes of flags were: who asks what changed need not look at the whole mailbox. What other
 * processes did, and what came or went, is not here: it leaves a gap, and a gap ends what is known.
 */
export class RecentChanges {
  readonly #mailboxes = new Map<number, Recent>()

  note(mailbox: number, modSeq: number, chunks: readonly number[]): void {
    const former = this.#mailboxes.get(mailbox)
    this.#mailboxes.delete(mailbox)
    if (chunks.length > maxChunks) return
    const follows = former !== undefined && former.first + former.chunks.length === modSeq
    const recent = follows ? former : { first: modSeq, chunks: [] }
    recent.chunks.push(chunks)
    if (recent.chunks.length > maxChanges) {
      recent.chunks.splice(0, maxChanges / 2)
      recent.first += maxChanges / 2
    }
    this.#mailboxes.set(mailbox, recent)
    for (const oldest of this.#mailboxes.keys()) {
      if (this.#mailboxes.size <= maxMailboxes) break
      this.#mailboxes.delete(oldest)
    }
  }

  /** Ascending chunks of all changes after `since` up to `last`; undefined when that is not known. */
  between(mailbox: number, since: number, last: number): readonly number[] | undefined {
    const recent = this.#mailboxes.get(mailbox)
    if (recent === undefined || since + 1 < recent.first) return undefined
    if (last !== recent.first + recent.chunks.length - 1) return undefined
    const chunks = new Set(recent.chunks.slice(since + 1 - recent.first).flat())
    return [...chunks].sort((a, b) => a - b)
  }
}
