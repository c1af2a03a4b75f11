import { asciiUpper } from '../wire/ascii.ts'

/**
 * LIST's wildcards: `*` any octets, `%` any but the separator. RFC 9051 §6.3.9. By dynamic programming over
 * the pattern's positions, so that `*a*a*a*a*b` costs pattern × name and no more (CVE-2026-33607).
 */
export class MailboxPattern {
  readonly #pattern: string
  /** Before its first wildcard. */
  readonly #start: string

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
    // reached[p]: the first p characters of the pattern can match what was read of the name.
    let reached = new Uint8Array(pattern.length + 1)
    let next = new Uint8Array(pattern.length + 1)
    reached[0] = 1
    skipWildcards(pattern, reached)
    for (let at = 0; at < name.length; at++) {
      const char = name[at]!
      next.fill(0)
      let alive = false
      for (let p = 0; p < pattern.length; p++) {
        if (reached[p] === 0) continue
        const wanted = pattern[p]!
        if (wanted === '*' || (wanted === '%' && char !== '/')) next[p] = 1
        else if (wanted === char || (at < folded && asciiUpper(wanted) === char)) next[p + 1] = 1
        else continue
        alive = true
      }
      if (!alive) return false
      skipWildcards(pattern, next)
      ;[reached, next] = [next, reached]
    }
    return reached[pattern.length] === 1
  }
}

function skipWildcards(pattern: string, reached: Uint8Array): void {
  for (let p = 0; p < pattern.length; p++) {
    if (reached[p] === 1 && (pattern[p] === '*' || pattern[p] === '%')) reached[p + 1] = 1
  }
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
