import { asciiUpper } from '../wire/ascii.ts'

/** Positions of all patterns, one behind the other, as bits, 32 in each number. */
type Bits = Uint32Array

/**
 * LIST's wildcards: `*` any octets, `%` any but the separator. RFC 9051 §6.3.9. All positions of all patterns that can
 * have been reached are followed at once, as bits, so that `*a*a*a*a*b` costs pattern × name / 32 and no more
 * (CVE-2026-33607): hundreds of patterns and 10,000 long names are no pause for others.
 */
export class MailboxPatterns {
  readonly #exact = new Set<string>()
  /** Those with wildcards. */
  readonly #patterns: string[] = []
  /** Of each of them what stands before its first wildcard. */
  readonly #starts: string[] = []
  #steps: Steps | undefined

  /** @param patterns Unicode, reference name included; a name matches when it matches one of them */
  constructor(patterns: readonly string[]) {
    for (const text of patterns) {
      // Runs of wildcards mean what their strongest means.
      const pattern = text.replace(/[*%]{2,}/g, (run) => (run.includes('*') ? '*' : '%'))
      if (/[*%]/.test(pattern)) {
        this.#patterns.push(pattern)
        this.#starts.push(pattern.replace(/[*%].*$/s, ''))
        continue
      }
      this.#exact.add(pattern)
      const folded = asciiUpper(pattern.slice(0, 5)) + pattern.slice(5)
      if (isInbox(folded)) this.#exact.add(folded)
    }
  }

  matches(name: string): boolean {
    if (this.#exact.has(name)) return true
    if (this.#patterns.length === 0) return false
    const folded = isInbox(name) ? 5 : 0
    if (folded === 0) {
      const begun = this.#begunBy(name)
      if (begun !== 'some') return begun === 'all'
    }
    this.#steps ??= stepsOf(this.#patterns)
    return follow(this.#steps, name, folded)
  }

  /** 'all': a pattern that asks for nothing more matches. */
  #begunBy(name: string): 'none' | 'some' | 'all' {
    let begun: 'none' | 'some' = 'none'
    for (const [at, start] of this.#starts.entries()) {
      if (!name.startsWith(start)) continue
      const pattern = this.#patterns[at]!
      if (pattern.length === start.length + 1 && pattern.endsWith('*')) return 'all'
      begun = 'some'
    }
    return begun
  }
}

interface Steps {
  /** Where each character stands. */
  readonly letters: ReadonlyMap<string, Bits>
  /** Where `*` stands, and where `*` or `%` does. */
  readonly stars: Bits
  readonly wildcards: Bits
  /** Where patterns begin, and behind their last characters. */
  readonly starts: Bits
  readonly ends: Bits
}

const setBit = (bits: Bits, at: number): void => {
  bits[at >>> 5]! |= 1 << (at & 31)
}

function stepsOf(patterns: readonly string[]): Steps {
  const positions = patterns.reduce((sum, { length }) => sum + length + 1, 0)
  const bits = (): Bits => new Uint32Array((positions + 31) >>> 5)
  const letters = new Map<string, Bits>()
  const steps = { letters, stars: bits(), wildcards: bits(), starts: bits(), ends: bits() }
  let from = 0
  for (const pattern of patterns) {
    setBit(steps.starts, from)
    // No two wildcards stand together: what stands before one stands behind it, too.
    if (pattern[0] === '*' || pattern[0] === '%') setBit(steps.starts, from + 1)
    for (let p = 0; p < pattern.length; p++) {
      const char = pattern[p]!
      if (char === '*') setBit(steps.stars, from + p)
      if (char === '*' || char === '%') {
        setBit(steps.wildcards, from + p)
        continue
      }
      const places = letters.get(char) ?? bits()
      setBit(places, from + p)
      letters.set(char, places)
    }
    from += pattern.length + 1
    setBit(steps.ends, from - 1)
  }
  return steps
}

/** Bit p of `reached`: what stands before position p in its pattern can match what was read of the name. */
function follow({ letters, stars, wildcards, starts, ends }: Steps, name: string, folded: number): boolean {
  const words = stars.length
  const reached = starts.slice()
  for (let at = 0; at < name.length; at++) {
    const char = name[at]!
    const here = letters.get(char)
    const lower = at < folded ? letters.get(char.toLowerCase()) : undefined
    const staying = char === '/' ? stars : wildcards
    let carried = 0
    let skipped = 0
    let alive = 0
    for (let word = 0; word < words; word++) {
      const was = reached[word]!
      const gone = was & ((here?.[word] ?? 0) | (lower?.[word] ?? 0))
      const now = (gone << 1) | carried | (was & staying[word]!)
      carried = gone >>> 31
      const before = now & wildcards[word]!
      const all = now | (before << 1) | skipped
      skipped = before >>> 31
      reached[word] = all
      alive |= all
    }
    if (alive === 0) return false
  }
  return reached.some((bits, word) => (bits & ends[word]!) !== 0)
}

/** INBOX and its children: their first five letters have no case. */
function isInbox(name: string): boolean {
  return name.startsWith('INBOX') && (name.length === 5 || name[5] === '/')
}
