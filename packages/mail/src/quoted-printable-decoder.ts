import { hexValue } from './octets.ts'
import type { OctetDecoder } from './transfer-encoding.ts'

const lf = 0x0a
const cr = 0x0d
const equals = 0x3d

/** A run of blanks longer than this is kept even at a line's end. */
const maxHeld = 8192

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

/** RFC 2045 §6.7: soft line ends and blanks at line ends go; a broken `=` stays as it is. */
export const createQuotedPrintableDecoder = (): OctetDecoder => new QuotedPrintableDecoder()

class QuotedPrintableDecoder implements OctetDecoder {
  /**
   * Octets whose meaning the next ones decide: a run of blanks, perhaps with CR; or `=` with one hexadecimal
   * digit, or with blanks and CR.
   */
  #held: number[] = []
  #out = Buffer.alloc(0)
  #length = 0

  push(chunk: Uint8Array): Uint8Array {
    this.#out = Buffer.allocUnsafe(chunk.length + this.#held.length)
    this.#length = 0
    for (let i = 0; i < chunk.length; ) {
      if (this.#held.length > 0) this.#decide(chunk[i++] as number)
      else i = this.#copy(chunk, i)
    }
    return this.#out.subarray(0, this.#length)
  }

  /** Octets whose meaning the chunk itself tells; stops after holding one that needs the next chunk. */
  #copy(chunk: Uint8Array, start: number): number {
    const out = this.#out
    let length = this.#length
    let i = start
    for (; i < chunk.length; i++) {
      const code = chunk[i] as number
      if (code > equals || (code !== equals && code !== 0x20 && code !== 0x09 && code !== cr))
        out[length++] = code
      else if (code === equals) {
        const high = i + 2 < chunk.length ? hexValue(chunk[i + 1] as number) : -1
        const low = high < 0 ? -1 : hexValue(chunk[i + 2] as number)
        if (low < 0) break
        out[length++] = high * 16 + low
        i += 2
      } else {
        const next = i + 1 < chunk.length ? (chunk[i + 1] as number) : cr
        // A blank before anything else, or CR before LF, is itself.
        const plain = code === cr ? next === lf : next > 0x20
        if (!plain) break
        out[length++] = code
      }
    }
    this.#length = length
    if (i < chunk.length) this.#held.push(chunk[i++] as number)
    return i
  }

  finish(): Uint8Array {
    this.#out = Buffer.allocUnsafe(this.#held.length)
    this.#length = 0
    // Blanks and a lone `=` at the very end are transport padding and a soft line end.
    const first = this.#held[0]
    if (first === equals ? this.#held.length > 1 && !this.#isSoftEnd() : first === cr) this.#release()
    this.#held = []
    return this.#out.subarray(0, this.#length)
  }

  #decide(code: number): void {
    if (this.#held[0] === equals) this.#afterEquals(code)
    else this.#afterBlanks(code)
  }

  #afterBlanks(code: number): void {
    const held = this.#held
    const afterCr = held.at(-1) === cr
    if (code === lf) {
      if (afterCr) this.#out[this.#length++] = cr
      this.#out[this.#length++] = lf
      this.#held = []
    } else if (!afterCr && (isBlank(code) || code === cr) && held.length < maxHeld) held.push(code)
    else this.#releaseAnd(code)
  }

  #afterEquals(code: number): void {
    const held = this.#held
    if (held.length === 1) {
      if (hexValue(code) >= 0 || isBlank(code) || code === cr) held.push(code)
      else if (code === lf) this.#held = []
      else this.#releaseAnd(code)
      return
    }
    const second = held[1] as number
    const isHex = hexValue(second) >= 0
    if (isHex && hexValue(code) >= 0) {
      this.#out[this.#length++] = hexValue(second) * 16 + hexValue(code)
      this.#held = []
    } else if (!isHex && code === lf) this.#held = []
    else if (!isHex && held.at(-1) !== cr && (isBlank(code) || code === cr) && held.length < maxHeld)
      held.push(code)
    else this.#releaseAnd(code)
  }

  #isSoftEnd(): boolean {
    return this.#held.slice(1).every((code) => isBlank(code) || code === cr)
  }

  #release(): void {
    for (const code of this.#held) this.#out[this.#length++] = code
    this.#held = []
  }

  /** What was held means itself; `code` is looked at anew. */
  #releaseAnd(code: number): void {
    this.#release()
    if (code === equals || isBlank(code) || code === cr) this.#held.push(code)
    else this.#out[this.#length++] = code
  }
}
