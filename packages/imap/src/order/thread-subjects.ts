/** THREAD=ORDEREDSUBJECT. RFC 5256 §3. */
import type { Turn } from '../session/turn.ts'
import { sortedRows } from './ranks.ts'
import type { Forest } from './thread-forest.ts'

/**
 * @param subjectRanks by message, equal for equal base subjects
 * @param dateRanks by message
 */
export async function threadBySubject(
  subjectRanks: Uint32Array,
  dateRanks: Uint32Array,
  turn: Turn,
): Promise<Forest> {
  const { length } = subjectRanks
  const bySubject = new Map<number, number[]>()
  // By sent date, then by number (RFC 5256 §2.2).
  const ordered = await sortedRows(dateRanks, turn)
  for (let at = 0; at < length; at++) {
    const message = ordered[at]!
    const thread = bySubject.get(subjectRanks[message]!)
    if (thread === undefined) bySubject.set(subjectRanks[message]!, [message])
    else thread.push(message)
    if (at % 1024 === 0) await turn.pass()
  }
  const children: (number[] | undefined)[] = new Array(length)
  const roots: number[] = []
  // The map has threads in the order of their first messages.
  for (const [first, ...others] of bySubject.values()) {
    roots.push(first!)
    if (others.length > 0) children[first!] = others
    if (roots.length % 1024 === 0) await turn.pass()
  }
  return { roots, children, messageCount: length }
}
