import type { PartPlace } from './part-places.ts'

/**
 * The part with this number, `[1, 2]` for `1.2`, `[]` for the message itself. A message that is no multipart
 * has one part, 1, which is its body; inside message/rfc822 numbers go on with its content.
 * RFC 9051 §6.4.5.1. undefined when there is none.
 */
export const locatePart = <P extends PartPlace>(root: P, path: readonly number[]): P | undefined => {
  let part: PartPlace = root
  // Whether `part` is the root of a message, whose single body is also its part 1.
  let messageRoot = true
  for (const number of path) {
    if (part.kind === 'message' && !messageRoot) {
      part = part.content
      messageRoot = true
    }
    if (part.kind === 'multipart') {
      const child = part.children[number - 1]
      if (child === undefined) return undefined
      part = child
    } else if (!messageRoot || number !== 1) return undefined
    messageRoot = false
  }
  // What is in a part is of the same type.
  return part as P
}
