import { LiteralScan, type MarkedLiteral } from './literal-scan.ts'

/** Classes of octets, so that the table of pairs stays in the processor's nearest cache. */
const classes = 64
const longS = Buffer.from('\u017f')
const kelvin = Buffer.from('\u212a')

/**
 * Whether any of many literals stands in octets: looks at pairs of them as far apart as the shortest literal allows,
 * and runs the automaton only where a pair fits. Wu and Manber, 1994.
 */
export class LiteralGlance {
  readonly #scan: LiteralScan
  readonly #shortest: number
  /** By octet; letters of either case are the same. */
  readonly #classOf = new Uint8Array(256)
  /** By pair of classes: how far the window may move on; 0: a literal may begin with it. */
  readonly #shift: Uint8Array

  private constructor(scan: LiteralScan, literals: readonly string[], shortest: number) {
    this.#scan = scan
    this.#shortest = shortest
    this.#shift = new Uint8Array(classes * classes).fill(shortest - 1)
    for (const literal of literals)
      for (let i = 0; i < shortest; i++) {
        const code = literal.charCodeAt(i)
        const own = (code % (classes - 1)) + 1
        this.#classOf[code] = own
        if (code >= 0x61 && code <= 0x7a) this.#classOf[code - 32] = own
      }
    for (const literal of literals)
      for (let i = 1; i < shortest; i++) {
        const pair = this.#pair(literal.charCodeAt(i - 1), literal.charCodeAt(i))
        this.#shift[pair] = Math.min(this.#shift[pair] as number, shortest - 1 - i)
      }
  }

  /** undefined: too many to be worth it. */
  static of(literals: readonly MarkedLiteral[]): LiteralGlance | undefined {
    const scan = LiteralScan.of(literals)
    const shortest = Math.min(...literals.map(({ literal }) => literal.length))
    return (
      scan &&
      new LiteralGlance(
        scan,
        literals.map(({ literal }) => literal),
        shortest,
      )
    )
  }

  #pair(first: number, second: number): number {
    return (this.#classOf[first] as number) * classes + (this.#classOf[second] as number)
  }

  /** Where in octets of UTF-8 a literal ends, or may; their length: nowhere. No literal holds a line end. */
  firstIn(octets: Uint8Array, from: number): number {
    if (this.#shortest < 3) return this.#scan.firstIn(octets, from)
    // U+017F folds to s, U+212A to k.
    const end = Math.min(placeOf(longS, octets, from), placeOf(kelvin, octets, from))
    const classOf = this.#classOf
    const shift = this.#shift
    const shortest = this.#shortest
    for (let last = from + shortest - 1; last < end; ) {
      const pair =
        (classOf[octets[last - 1] as number] as number) * classes +
        (classOf[octets[last] as number] as number)
      const step = shift[pair] as number
      if (step > 0) last += step
      else {
        const outcome = this.#scan.runFrom(octets, last - shortest + 1, end)
        if (outcome.found) return outcome.at
        last = outcome.at + shortest
      }
    }
    return end
  }
}

function placeOf(character: Buffer, octets: Uint8Array, from: number): number {
  const bytes = Buffer.isBuffer(octets)
    ? octets
    : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
  const at = bytes.indexOf(character, from)
  return at === -1 ? octets.length : at
}
