/** THREAD=REFERENCES (RFC 5256 §3) and THREAD=REFS (draft-ietf-morg-inthread-01). */
import type { Turn } from '../session/turn.ts'
import { pick } from './pick.ts'
import { sortedRows } from './ranks.ts'
import { ReferenceLinks, type ThreadInput } from './reference-links.ts'
import { mergeSubjects, type ThreadSubjects } from './subject-merge.ts'
import type { Forest } from './thread-forest.ts'

/** Siblings that are not sorted at one go. */
const manyNodes = 512

export interface ReferencesInput extends ThreadInput {
  /** By message: sent date, equal ones by number. */
  readonly dateRanks: Uint32Array
}

/** A forest under construction: as `Forest`, with the dummies that merging adds at its end. */
export interface GrowingForest {
  roots: number[]
  readonly children: (number[] | undefined)[]
  readonly messageCount: number
}

/** Steps 1 to 6. */
export async function threadByReferences(
  input: ReferencesInput,
  subjects: ThreadSubjects,
  turn: Turn,
): Promise<Forest> {
  const forest = await pruned(await ReferenceLinks.of(input, turn), turn)
  const dates = new NodeDates(forest, input.dateRanks)
  // Step 4 uses the first child of a dummy: its children have to be in order.
  await sortSiblings(forest, dates, turn)
  await mergeSubjects(forest, subjects, turn)
  await sortSiblings(forest, dates, turn)
  return forest
}

/** As REFERENCES without steps 4 and 5: threads in the order of the latest arrival in each. */
export async function threadByReferencesOnly(
  input: ReferencesInput,
  arrivalsMs: ArrayLike<number>,
  turn: Turn,
): Promise<Forest> {
  const forest = await pruned(await ReferenceLinks.of(input, turn), turn)
  await sortSiblings(forest, new NodeDates(forest, input.dateRanks), turn)
  const ranks = await arrivalRanks(arrivalsMs, turn)
  const latest = new Float64Array(forest.roots.length)
  for (let at = 0; at < forest.roots.length; at++) {
    const open = [forest.roots[at]!]
    for (let node = open.pop(), steps = 1; node !== undefined; node = open.pop(), steps++) {
      if (node < forest.messageCount) latest[at] = Math.max(latest[at]!, ranks[node]!)
      for (const child of forest.children[node] ?? []) open.push(child)
      if ((steps & 1023) === 0) await turn.pass()
    }
    if ((at & 1023) === 0) await turn.pass()
  }
  const { roots } = forest
  forest.roots = await pick(roots, await sortedRows(latest, turn), new Array<number>(roots.length), turn)
  return forest
}

/** By message: its place among all by arrival, equal ones by number; from 1. */
async function arrivalRanks(arrivalsMs: ArrayLike<number>, turn: Turn): Promise<Uint32Array> {
  const order = await sortedRows(arrivalsMs, turn)
  const ranks = new Uint32Array(order.length)
  for (let at = 0; at < order.length; at++) ranks[order[at]!] = at + 1
  return ranks
}

/**
 * Steps 2 and 3: dummies go, their children rise to the nearest message above; where there is none, two or
 * more children keep their topmost dummy.
 */
async function pruned(links: ReferenceLinks, turn: Turn): Promise<GrowingForest> {
  const { messageCount, nodeCount, parents } = links
  const children: (number[] | undefined)[] = new Array(nodeCount)
  const roots: number[] = []
  const underDummies = new Map<number, number[]>()
  const anchors = new Anchors(links)
  for (let message = 0; message < messageCount; message++) {
    const anchor = parents[message] === -1 ? -1 : anchors.of(parents[message]!)
    if (anchor === -1) roots.push(message)
    else if (anchor < messageCount) (children[anchor] ??= []).push(message)
    else {
      const orphans = underDummies.get(anchor)
      if (orphans === undefined) underDummies.set(anchor, [message])
      else orphans.push(message)
    }
    if (message % 1024 === 0) await turn.pass()
  }
  await turn.pass()
  for (const [dummy, orphans] of underDummies) {
    if (orphans.length === 1) roots.push(orphans[0]!)
    else {
      children[dummy] = orphans
      roots.push(dummy)
    }
  }
  return { roots, children, messageCount }
}

/** The nearest message at or above a node, or the topmost dummy. Each node is walked over once. */
class Anchors {
  readonly #links: ReferenceLinks
  readonly #known: Int32Array

  constructor(links: ReferenceLinks) {
    this.#links = links
    this.#known = new Int32Array(links.nodeCount).fill(-1)
  }

  of(node: number): number {
    const { parents, messageCount } = this.#links
    const path: number[] = []
    let at = node
    while (at >= messageCount && this.#known[at] === -1) {
      path.push(at)
      if (parents[at] === -1) break
      at = parents[at]!
    }
    const anchor = at < messageCount ? at : this.#known[at] === -1 ? at : this.#known[at]!
    for (const passed of path) this.#known[passed] = anchor
    return anchor
  }
}

/** Sent date of a node; of a dummy that of its first child. */
class NodeDates {
  readonly #forest: GrowingForest
  readonly #ranks: Uint32Array

  constructor(forest: GrowingForest, ranks: Uint32Array) {
    this.#forest = forest
    this.#ranks = ranks
  }

  sort(nodes: number[]): void {
    if (nodes.length < 2) return
    nodes.sort((a, b) => this.#rank(a) - this.#rank(b) || this.#message(a) - this.#message(b))
  }

  /** For many of them. */
  async sorted(nodes: readonly number[], turn: Turn): Promise<number[]> {
    const count = this.#forest.messageCount
    // Exact up to mailboxes of 90 million messages.
    const keys = new Float64Array(nodes.length)
    for (let at = 0; at < nodes.length; at++) {
      keys[at] = this.#rank(nodes[at]!) * count + this.#message(nodes[at]!)
      if ((at & 1023) === 0) await turn.pass()
    }
    return await pick(nodes, await sortedRows(keys, turn), new Array<number>(nodes.length), turn)
  }

  #rank(node: number): number {
    return this.#ranks[this.#message(node)]!
  }

  /** Dummies stand at the top only, and their children are messages or, merged, dummies' children no more. */
  #message(node: number): number {
    let at = node
    while (at >= this.#forest.messageCount) at = this.#forest.children[at]![0]!
    return at
  }
}

/** Step 6, and of step 4 what it needs: dummies are sorted before their parents look at their first child. */
async function sortSiblings(forest: GrowingForest, dates: NodeDates, turn: Turn): Promise<void> {
  const { children } = forest
  // Messages first, then dummies.
  for (let node = 0; node < children.length; node++) {
    const below = children[node]
    if (below !== undefined && below.length > manyNodes) children[node] = await dates.sorted(below, turn)
    else if (below !== undefined) dates.sort(below)
    if (node % 1024 === 0) await turn.pass()
  }
  forest.roots = await dates.sorted(forest.roots, turn)
}
