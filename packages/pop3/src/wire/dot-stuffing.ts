const lf = 10
const cr = 13
const dot = 46

/** What a stuffer changes beside dots: 'replace-nul' = Dovecot's outlook-no-nuls, NUL becomes 0x80. */
export type NulTreatment = 'replace-nul' | 'keep-nul'

/**
 * Stored octets → the lines of a multi-line response (RFC 1939 §3). A push machine: chunks may be cut
 * anywhere. Every line ends in CRLF, bare CR and bare LF become CRLF, and every line that begins with a dot
 * gets another: so nothing in a message can end the response early, whatever a client takes for a line's
 * end (CVE-2026-33604).
 */
export class DotStuffer {
  readonly #nul: NulTreatment
  /** Last octet that came; LF at the start, where a line begins. */
  #previous = lf
  /** True at the start of a line as sent. */
  #lineStart = true

  constructor(nul: NulTreatment) {
    this.#nul = nul
  }

  /** The chunk itself when there is nothing to change, which is the rule. */
  push(chunk: Uint8Array): Uint8Array {
    const added = this.#countAdded(chunk)
    if (added === 0) {
      if (chunk.length > 0) this.#remember(chunk[chunk.length - 1]!)
      return chunk
    }
    return this.#rewrite(chunk, added < 0 ? -added - 1 : added)
  }

  /** Ends the last line if it needs an end, then the response. */
  finish(): string {
    if (this.#previous === cr && !this.#lineStart) return '\n.\r\n'
    return this.#lineStart ? '.\r\n' : '\r\n.\r\n'
  }

  #remember(last: number): void {
    this.#previous = last
    this.#lineStart = last === lf
  }

  /** Octets to be added; 0 = the chunk may go as it is; −n−1 = n to be added and others replaced. */
  #countAdded(chunk: Uint8Array): number {
    const words = alignedWords(chunk)
    const wordsFrom = words === undefined ? 0 : words.byteOffset - chunk.byteOffset
    let added = 0
    let nuls = 0
    let previous = this.#previous
    for (let i = 0; i < chunk.length; i++) {
      if (words !== undefined && previous > cr && ((i - wordsFrom) & 3) === 0 && i >= wordsFrom) {
        i += skipPlainWords(words, (i - wordsFrom) >> 2)
        if (i >= chunk.length) break
      }
      const byte = chunk[i]!
      if (previous === cr && byte !== lf) {
        added++
        if (byte === dot) added++
      } else if (byte === lf) {
        if (previous !== cr) added++
      } else if (byte === dot && previous === lf) added++
      if (byte === 0) nuls++
      previous = byte
    }
    return nuls > 0 && this.#nul === 'replace-nul' ? -added - 1 : added
  }

  #rewrite(chunk: Uint8Array, added: number): Buffer {
    const out = Buffer.allocUnsafe(chunk.length + added)
    const nul = this.#nul === 'replace-nul' ? 0x80 : 0
    let previous = this.#previous
    let at = 0
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (previous === cr && byte !== lf) {
        out[at++] = lf
        previous = lf
      }
      if (byte === lf && previous !== cr) out[at++] = cr
      if (byte === dot && previous === lf) out[at++] = dot
      out[at++] = byte === 0 ? nul : byte
      previous = byte
    }
    this.#remember(previous)
    return out
  }
}

/** The part of a chunk that lies on whole 32-bit words; undefined when it is too short to matter. */
function alignedWords(chunk: Uint8Array): Int32Array | undefined {
  const from = (chunk.byteOffset + 3) & ~3
  const count = (chunk.byteOffset + chunk.length - from) >> 2
  return count > 8 ? new Int32Array(chunk.buffer, from, count) : undefined
}

/** Octets in the words from `index` on that hold no control character at all: nothing in them can need a change. */
function skipPlainWords(words: Int32Array, index: number): number {
  let at = index
  // "hasless(word, 14)" of Bit Twiddling Hacks: true as soon as one octet is below 14.
  while (at < words.length && ((words[at]! - 0x0e0e0e0e) & ~words[at]! & 0x80808080) === 0) at++
  return (at - index) << 2
}
