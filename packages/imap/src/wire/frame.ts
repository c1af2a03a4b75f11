/** A literal whose octets went elsewhere while they arrived (APPEND). */
export interface StreamedLiteral {
  readonly streamedBytes: number
}

/**
 * One complete command: `text` is every line of it, each literal's announcement `{n}` CRLF left in place
 * and its octets moved to `literals`, in order. The last line end is not part of `text`.
 */
export interface Frame {
  readonly text: Buffer
  readonly literals: readonly (Buffer | StreamedLiteral)[]
}

/** `{n}`, `{n+}` or `~{n}` at the end of a line. RFC 9051 §4.3, RFC 7888, RFC 3516 §4.4. */
export interface LiteralAnnouncement {
  readonly sizeBytes: number
  /** False for `{n+}`: the octets follow whatever we answer. */
  readonly sync: boolean
  /** literal8: NUL allowed. */
  readonly binary: boolean
  /** False where no literal may begin (`abc{5}`): the parser refuses it. */
  readonly wellPlaced: boolean
}

const openBrace = 0x7b
const closeBrace = 0x7d
const plus = 0x2b
const space = 0x20
const openParen = 0x28
const tilde = 0x7e
/** More digits than a 63-bit number has are not a size. */
const maxDigits = 19

/** The literal that the end of `line` announces, if any. `line` has no line end. */
export function announcedLiteral(line: Buffer): LiteralAnnouncement | undefined {
  let at = line.length - 1
  if (line[at] !== closeBrace) return undefined
  at--
  const sync = line[at] !== plus
  if (!sync) at--
  const lastDigit = at
  let sizeBytes = 0
  let scale = 1
  while (at >= 0 && lastDigit - at < maxDigits) {
    const digit = line[at]! - 0x30
    if (digit < 0 || digit > 9) break
    sizeBytes += digit * scale
    scale *= 10
    at--
  }
  if (at === lastDigit || line[at] !== openBrace) return undefined
  const binary = line[at - 1] === tilde
  const before = line[binary ? at - 2 : at - 1]
  return { sizeBytes, sync, binary, wellPlaced: before === space || before === openParen }
}
