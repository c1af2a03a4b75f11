/** THREAD=ORDEREDSUBJECT. RFC 5256 §3. */
import type { Forest } from './thread-forest.ts'

/**
 * @param subjectRanks by message, equal for equal base subjects
 * @param dateRanks by message
 */
export function threadBySubject(subjectRanks: Uint32Array, dateRanks: Uint32Array): Forest {
  const { length } = subjectRanks
  const bySubject = new Map<number, number[]>()
  for (const message of byDate(dateRanks)) {
    const thread = bySubject.get(subjectRanks[message]!)
    if (thread === undefined) bySubject.set(subjectRanks[message]!, [message])
    else thread.push(message)
  }
  const children: (number[] | undefined)[] = new Array(length)
  const roots: number[] = []
  // The map has threads in the order of their first messages.
  for (const [first, ...others] of bySubject.values()) {
    roots.push(first!)
    if (others.length > 0) children[first!] = others
  }
  return { roots, children, messageCount: length }
}

/** Messages by sent date, then by number. RFC 5256 §2.2. */
export function byDate(dateRanks: Uint32Array): Uint32Array {
  const messages = Uint32Array.from(dateRanks, (_, message) => message)
  return messages.sort((a, b) => dateRanks[a]! - dateRanks[b]! || a - b)
}
