/** Threads of one subject become one. RFC 5256 §3 REFERENCES, step 5. */
import type { Turn } from '../session/turn.ts'
import type { GrowingForest } from './thread-references.ts'

/** By message. */
export interface ThreadSubjects {
  /** Base subject. */
  text(message: number): string
  isReplyOrForward(message: number): boolean
}

/** @param forest its roots in the order of step 4 */
export async function mergeSubjects(
  forest: GrowingForest,
  subjects: ThreadSubjects,
  turn: Turn,
): Promise<void> {
  const merge = new SubjectMerge(forest, subjects)
  await merge.populate(turn)
  await merge.merge(turn)
}

class SubjectMerge {
  readonly #forest: GrowingForest
  readonly #subjects: ThreadSubjects
  /** Base subject → root. */
  readonly #table = new Map<string, number>()

  constructor(forest: GrowingForest, subjects: ThreadSubjects) {
    this.#forest = forest
    this.#subjects = subjects
  }

  /** Step 5 (B). */
  async populate(turn: Turn): Promise<void> {
    const { roots } = this.#forest
    for (let at = 0; at < roots.length; at++) {
      if (at % 256 === 0) await turn.pass()
      const root = roots[at]!
      const subject = this.#subject(root)
      if (subject === '') continue
      const known = this.#table.get(subject)
      if (known === undefined || this.#isBetter(root, known)) this.#table.set(subject, root)
    }
  }

  #isBetter(root: number, known: number): boolean {
    if (this.#isDummy(known)) return false
    return this.#isDummy(root) || (this.#isReply(known) && !this.#isReply(root))
  }

  /** Step 5 (C). */
  async merge(turn: Turn): Promise<void> {
    const removed = new Set<number>()
    const added: number[] = []
    const { roots } = this.#forest
    for (let at = 0; at < roots.length; at++) {
      if (at % 256 === 0) await turn.pass()
      const root = roots[at]!
      const subject = this.#subject(root)
      const known = subject === '' ? undefined : this.#table.get(subject)
      if (known === undefined || known === root) continue
      removed.add(root)
      if (this.#join(known, root)) continue
      // Neither answers the other: siblings under a new dummy.
      const dummy = this.#forest.children.length
      this.#forest.children[dummy] = [known, root]
      removed.add(known)
      added.push(dummy)
      this.#table.set(subject, dummy)
    }
    if (removed.size === 0) return
    const left: number[] = []
    for (const some of [roots, added])
      for (let at = 0; at < some.length; at++) {
        if (at % 1024 === 0) await turn.pass()
        if (!removed.has(some[at]!)) left.push(some[at]!)
      }
    this.#forest.roots = left
  }

  /** False when a new dummy is needed. */
  #join(known: number, root: number): boolean {
    if (this.#isDummy(known)) {
      const siblings = this.#childrenOf(known)
      if (this.#isDummy(root)) for (const child of this.#childrenOf(root)) siblings.push(child)
      else siblings.push(root)
      return true
    }
    if (!this.#isReply(root) || this.#isReply(known)) return false
    this.#childrenOf(known).push(root)
    return true
  }

  #childrenOf(node: number): number[] {
    return (this.#forest.children[node] ??= [])
  }

  #isDummy(node: number): boolean {
    return node >= this.#forest.messageCount
  }

  /** A dummy's first child: it is a message, and sorted. */
  #first(node: number): number {
    return this.#isDummy(node) ? this.#forest.children[node]![0]! : node
  }

  #subject(node: number): string {
    return this.#subjects.text(this.#first(node))
  }

  #isReply(node: number): boolean {
    return this.#subjects.isReplyOrForward(node)
  }
}
