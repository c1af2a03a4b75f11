import { asciiUpper } from '../wire/ascii.ts'

/** Positions of a pattern as bits, 32 in each number. */
type Bits = Uint32Array

/**
 * LIST's wildcards: `*` any octets, `%` any but the separator. RFC 9051 §6.3.9. All positions of the pattern that can
 * have been reached are followed at once, as bits, so that `*a*a*a*a*b` costs pattern × name / 32 and no more
 * (CVE-2026-33607): 10,000 long names are no pause for others.
 */
export class MailboxPattern {
  readonly #pattern: string
  /** Before its first wildcard. */
  readonly #start: string
  #steps: Steps | undefined

  /** @param pattern Unicode, reference name included */
  constructor(pattern: string) {
    // Runs of wildcards mean what their strongest means.
    this.#pattern = pattern.replace(/[*%]{2,}/g, (run) => (run.includes('*') ? '*' : '%'))
    this.#start = this.#pattern.replace(/[*%].*$/s, '')
  }

  matches(name: string): boolean {
    const pattern = this.#pattern
    const folded = isInbox(name) ? 5 : 0
    if (!pattern.includes('*') && !pattern.includes('%')) {
      return pattern.length === name.length && sameStart(pattern, name, folded)
    }
    if (folded === 0) {
      if (!name.startsWith(this.#start)) return false
      if (pattern === `${this.#start}*`) return true
    }
    this.#steps ??= stepsOf(pattern)
    return follow(this.#steps, pattern.length, name, folded)
  }
}

interface Steps {
  /** Where each character stands. */
  readonly letters: ReadonlyMap<string, Bits>
  /** Where `*` stands, and where `*` or `%` does. */
  readonly stars: Bits
  readonly wildcards: Bits
}

const wordsFor = (pattern: string): number => (pattern.length >>> 5) + 1
const setBit = (bits: Bits, at: number): void => {
  bits[at >>> 5]! |= 1 << (at & 31)
}

function stepsOf(pattern: string): Steps {
  const words = wordsFor(pattern)
  const letters = new Map<string, Bits>()
  const stars = new Uint32Array(words)
  const wildcards = new Uint32Array(words)
  for (let p = 0; p < pattern.length; p++) {
    const char = pattern[p]!
    if (char === '*' || char === '%') setBit(wildcards, p)
    if (char === '*') setBit(stars, p)
    if (char === '*' || char === '%') continue
    const places = letters.get(char) ?? new Uint32Array(words)
    setBit(places, p)
    letters.set(char, places)
  }
  return { letters, stars, wildcards }
}

/** Bit p of `reached`: the first p characters of the pattern can match what was read of the name. */
function follow({ letters, stars, wildcards }: Steps, length: number, name: string, folded: number): boolean {
  const words = stars.length
  const reached = new Uint32Array(words)
  reached[0] = 1 | ((wildcards[0]! & 1) << 1)
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
      // No two wildcards stand together: what stands before one stands behind it, too.
      const before = now & wildcards[word]!
      const all = now | (before << 1) | skipped
      skipped = before >>> 31
      reached[word] = all
      alive |= all
    }
    if (alive === 0) return false
  }
  return ((reached[length >>> 5]! >>> (length & 31)) & 1) === 1
}

/** INBOX and its children: their first five letters have no case. */
function isInbox(name: string): boolean {
  return name.startsWith('INBOX') && (name.length === 5 || name[5] === '/')
}

function sameStart(pattern: string, name: string, folded: number): boolean {
  return (
    asciiUpper(pattern.slice(0, folded)) === name.slice(0, folded) &&
    pattern.slice(folded) === name.slice(folded)
  )
}
