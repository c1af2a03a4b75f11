const lf = 10
const cr = 13

/**
 * Where the header ends: the offset behind its empty line, or undefined when `bytes` has none (the
 * header goes on, or the message is a header alone). Lines end in CRLF or LF.
 */
export function findHeaderEnd(bytes: Uint8Array): number | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let start = 0; start < view.length; ) {
    if (view[start] === lf) return start + 1
    if (view[start] === cr && view[start + 1] === lf) return start + 2
    const end = view.indexOf(lf, start)
    if (end < 0) return undefined
    start = end + 1
  }
  return undefined
}

/** The offset behind the `count`th line from `start` on, and how many lines were still missing. */
export function skipLines(
  bytes: Uint8Array,
  start: number,
  count: number,
): { readonly end: number; readonly missing: number } {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = start
  for (let left = count; left > 0; left--) {
    const end = view.indexOf(lf, at)
    if (end < 0) return { end: view.length, missing: left }
    at = end + 1
  }
  return { end: at, missing: 0 }
}

/** `findHeaderEnd` for a message that comes in pieces, cut anywhere. */
export class HeaderEndFinder {
  found = false
  /** The end of the last piece: an empty line may lie across the cut. */
  #tail: Buffer = Buffer.alloc(0)

  /** Where in this piece the header ends (0 = before its first octet); undefined when it goes on. */
  take(piece: Uint8Array): number | undefined {
    const tail = this.#tail
    const joined = tail.length === 0 ? piece : Buffer.concat([tail, piece])
    const end = findHeaderEnd(joined)
    if (end === undefined) {
      this.#tail = lastLine(joined)
      return undefined
    }
    this.found = true
    return end - tail.length
  }
}

/** From the last line's start; of a long line only so much that it does not look like an empty one. */
function lastLine(bytes: Uint8Array): Buffer {
  const line = bytes.subarray(bytes.lastIndexOf(lf) + 1)
  return Buffer.from(line.length > 2 ? line.subarray(line.length - 2) : line)
}
