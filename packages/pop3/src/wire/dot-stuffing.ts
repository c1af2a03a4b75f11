import { alignedWords, nextControl } from '@posthorn/mail'

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
  /** CRs and LFs that were added because one stood alone. */
  missingOctets = 0

  constructor(nul: NulTreatment) {
    this.#nul = nul
  }

  /** A line begins with what comes next. */
  get atLineStart(): boolean {
    return this.#lineStart
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
    let added = 0
    let nuls = 0
    let previous = this.#previous
    for (let i = 0; i < chunk.length; i++) {
      if (previous > cr) {
        i = nextControl(chunk, words, i)
        // A line's end as it should be: what follows begins a line.
        if (chunk[i] === cr && chunk[i + 1] === lf) {
          i += 2
          previous = lf
        }
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
        this.missingOctets++
      }
      if (byte === lf && previous !== cr) {
        out[at++] = cr
        this.missingOctets++
      }
      if (byte === dot && previous === lf) out[at++] = dot
      out[at++] = byte === 0 ? nul : byte
      previous = byte
    }
    this.#remember(previous)
    return out
  }
}
