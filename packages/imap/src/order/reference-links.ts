/** Which message answers which. RFC 5256 §3 REFERENCES, step 1. */
import type { Turn } from '../session/turn.ts'

/** As THREAD needs them, by message in the order of the mailbox. */
export interface ThreadInput {
  /** Number of a message's identifier, -1 for none. */
  readonly ownIds: ArrayLike<number>
  readonly references: readonly Uint32Array[]
  /** Identifiers have numbers below this. */
  readonly idCount: number
}

/** A chain that would have to be followed further than this is taken for a loop: work stays bounded. */
const maxChain = 2000
const none = -1

/** Parents by node; nodes from the number of messages on are identifiers without a message. */
export class ReferenceLinks {
  readonly messageCount: number
  readonly parents: Int32Array
  readonly #childCounts: Int32Array
  /** By identifier. */
  readonly #nodes: Int32Array
  nodeCount: number

  private constructor(messageCount: number, idCount: number) {
    this.messageCount = messageCount
    this.nodeCount = messageCount
    this.parents = new Int32Array(messageCount + idCount).fill(none)
    this.#childCounts = new Int32Array(messageCount + idCount)
    this.#nodes = new Int32Array(idCount).fill(none)
  }

  static async of(input: ThreadInput, turn: Turn): Promise<ReferenceLinks> {
    const links = new ReferenceLinks(input.ownIds.length, input.idCount)
    await turn.pass()
    await links.#nameMessages(input.ownIds, turn)
    for (let message = 0; message < input.ownIds.length; message++) {
      links.#link(message, input.references[message]!)
      if (message % 256 === 0) await turn.pass()
    }
    return links
  }

  /** Two messages with one identifier: it is the first one's. */
  async #nameMessages(ownIds: ArrayLike<number>, turn: Turn): Promise<void> {
    for (let message = 0; message < ownIds.length; message++) {
      if ((message & 4095) === 0) await turn.pass()
      const id = ownIds[message]!
      if (id !== none && this.#nodes[id] === none) this.#nodes[id] = message
    }
  }

  #link(message: number, references: Uint32Array): void {
    let last = none
    for (let at = 0; at < references.length; at++) {
      const node = this.#nodeOf(references[at]!)
      if (last !== none && this.parents[node] === none && !this.#loops(last, node)) this.#adopt(last, node)
      last = node
    }
    // Step 1 (B): what others said of this message's ancestry gives way to what it says itself.
    const before = this.parents[message]!
    if (before === last) return
    if (before !== none) {
      this.#childCounts[before]!--
      this.parents[message] = none
    }
    if (last !== none && !this.#loops(last, message)) this.#adopt(last, message)
  }

  #nodeOf(id: number): number {
    let node = this.#nodes[id]!
    if (node === none) this.#nodes[id] = node = this.nodeCount++
    return node
  }

  #adopt(parent: number, child: number): void {
    this.parents[child] = parent
    this.#childCounts[parent]!++
  }

  /** Whether `child` is the parent itself or one of its ancestors. */
  #loops(parent: number, child: number): boolean {
    if (parent === child) return true
    if (this.#childCounts[child] === 0) return false
    let at = parent
    for (let steps = 0; at !== none; steps++) {
      if (at === child || steps > maxChain) return true
      at = this.parents[at]!
    }
    return false
  }
}
