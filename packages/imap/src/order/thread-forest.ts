/** Trees of messages as THREAD answers them. RFC 5256 §4 THREAD Response. */
import type { Turn } from '../session/turn.ts'

/** Nodes are numbered, messages first. */
export interface Forest {
  /** Top-level nodes in order. */
  readonly roots: readonly number[]
  /** Children in order; undefined for none. */
  readonly children: readonly (readonly number[] | undefined)[]
  /** Nodes from here on are dummies: they stand for messages that are not there. */
  readonly messageCount: number
}

const begin = -1
const end = -2

/**
 * `(2)(3 6 (4 23)(44 7 96))`. Does not recurse: a thread may be as deep as the mailbox is large.
 * @param numbers of the messages by node
 */
export async function forestOctets(
  { roots, children, messageCount }: Forest,
  numbers: Uint32Array,
  turn: Turn,
): Promise<Buffer> {
  /** Written in stretches: all of them at once would take long. */
  const stretches: Buffer[] = []
  let parts: string[] = []
  let steps = 0
  /** Nodes and parentheses still to be written, the next one last. */
  const open: number[] = []
  const pushNested = (nodes: readonly number[]): void => {
    for (let at = nodes.length - 1; at >= 0; at--) open.push(end, nodes[at]!, begin)
  }
  let afterNumber = false
  let root = 0
  for (;;) {
    // One by one: all of them at once would take long.
    if (open.length === 0 && root < roots.length) open.push(end, roots[root++]!, begin)
    const next = open.pop()
    if (next === undefined) break
    if ((++steps & 1023) === 0) {
      stretches.push(Buffer.from(parts.join(''), 'latin1'))
      parts = []
      await turn.pass()
    }
    if (next === end) parts.push(')')
    else if (next === begin) parts.push(afterNumber ? ' (' : '(')
    else if (next < messageCount) parts.push(afterNumber ? ` ${numbers[next]}` : `${numbers[next]}`)
    afterNumber = next >= 0 && next < messageCount
    if (next < 0) continue
    const below = children[next]
    if (below?.length === 1) open.push(below[0]!)
    else if (below !== undefined) pushNested(below)
  }
  stretches.push(Buffer.from(parts.join(''), 'latin1'))
  return Buffer.concat(stretches)
}
