/** Literals of which at least one stands in every text that a pattern matches; folded to lower case. */
export type RequiredLiterals = readonly string[]

const maxAlternatives = 64
const maxLiteralLength = 32
const maxNesting = 100

/** Sets of literals, of each of which at least one stands in every text that a pattern matches; the rarest first. */
export type Requirements = readonly RequiredLiterals[]

/** More tell little more. */
const maxRequirements = 3

/**
 * What a pattern (RE2 syntax) cannot do without, so that texts without it need no look by the engine. Empty: nothing
 * is known, and the pattern is always tried. When in doubt it is empty.
 */
export function requirements(source: string): Requirements {
  const reader = new Reader(source)
  try {
    const found = reader.alternation(0)
    if (!reader.atEnd) return []
    return found
      .filter(isUseful)
      .toSorted((a, b) => rarity(b) - rarity(a) || a.length - b.length)
      .slice(0, maxRequirements)
  } catch (error) {
    if (error instanceof Unreadable) return []
    throw error
  }
}

class Unreadable extends Error {}

const isUseful = (found: RequiredLiterals): boolean =>
  found.length > 0 && found.length <= maxAlternatives && shortest(found) >= 2

const shortest = (literals: RequiredLiterals): number => Math.min(...literals.map((one) => one.length))

/** The longer, then the fewer, the rarer in a text; but names of header fields are in every message. */
const rarity = (literals: RequiredLiterals): number =>
  shortest(literals) - (literals.every((one) => one.endsWith(':')) ? 8 : 0)

/** Of sets that must all be met, the one to take when only one can be. */
function best(sets: Requirements): RequiredLiterals | undefined {
  let found: RequiredLiterals | undefined
  for (const set of sets) {
    if (set.length === 0) continue
    const difference = found === undefined ? 1 : shortest(set) - shortest(found)
    if (found === undefined || difference > 0 || (difference === 0 && set.length < found.length)) found = set
  }
  return found
}

/** One atom: a letter of a literal, a group with what it needs, or something else. */
type Atom =
  | { readonly kind: 'char'; readonly char: string }
  | { readonly kind: 'group'; readonly found: Requirements }
  | { readonly kind: 'empty' }
  | { readonly kind: 'other' }

class Reader {
  readonly #source: string
  #at = 0

  constructor(source: string) {
    this.#source = source
  }

  get atEnd(): boolean {
    return this.#at >= this.#source.length
  }

  /** Up to the end, or a closing bracket. */
  alternation(depth: number): Requirements {
    if (depth > maxNesting) throw new Unreadable()
    const branches: Requirements[] = []
    for (;;) {
      branches.push(this.#concatenation(depth))
      if (this.#peek() !== '|') break
      this.#at++
    }
    const [only = [], ...others] = branches
    if (others.length === 0) return only
    const all = new Set<string>()
    for (const branch of branches) {
      const needed = best(branch)
      if (needed === undefined || shortest(needed) < 2) return []
      for (const literal of needed) all.add(literal)
      if (all.size > maxAlternatives) return []
    }
    return [[...all]]
  }

  /** Everything that follows one another must be there. */
  #concatenation(depth: number): Requirements {
    const sets: RequiredLiterals[] = []
    let run = ''
    const endRun = (): void => {
      if (run !== '' && sets.length < maxAlternatives) sets.push([run.slice(0, maxLiteralLength)])
      run = ''
    }
    while (!this.atEnd && this.#peek() !== '|' && this.#peek() !== ')') {
      const atom = this.#atom(depth)
      const times = this.#quantifier()
      if (atom.kind === 'empty') continue
      if (atom.kind === 'char' && times !== 'maybe') {
        run += atom.char
        if (times === 'repeated') endRun()
        continue
      }
      endRun()
      if (atom.kind === 'group' && times !== 'maybe' && sets.length < maxAlternatives)
        sets.push(...atom.found)
    }
    endRun()
    return sets
  }

  #peek(): string {
    return this.#source[this.#at] ?? ''
  }

  #atom(depth: number): Atom {
    const char = this.#source[this.#at++] as string
    switch (char) {
      case '^':
      case '$':
        return { kind: 'empty' }
      case '.':
        return { kind: 'other' }
      case '(':
        return this.#group(depth)
      case '[':
        return this.#characterClass()
      case '\\':
        return this.#escape()
      case '*':
      case '+':
      case '?':
      case '{':
        // A `{` that counts nothing is a letter to some engines.
        throw new Unreadable()
    }
    return char >= ' ' && char <= '~' ? { kind: 'char', char: char.toLowerCase() } : { kind: 'other' }
  }

  #group(depth: number): Atom {
    const [opening = ''] = /^\?(?::|P?<[A-Za-z_]\w*>)/.exec(this.#source.slice(this.#at, this.#at + 70)) ?? []
    if (opening === '' && this.#peek() === '?') throw new Unreadable()
    this.#at += opening.length
    const found = this.alternation(depth + 1)
    if (this.#source[this.#at++] !== ')') throw new Unreadable()
    return { kind: 'group', found }
  }

  #escape(): Atom {
    const char = this.#source[this.#at++] ?? ''
    if (/[bBAz]/.test(char)) return { kind: 'empty' }
    if (/[dDsSwW]/.test(char)) return { kind: 'other' }
    if (/[!-/:-@[-`{-~]/.test(char)) return { kind: 'char', char }
    if (/[nrtfv]/.test(char)) return { kind: 'other' }
    throw new Unreadable()
  }

  /** `[x]` and `[Xx]` are a letter; others are something else. */
  #characterClass(): Atom {
    const start = this.#at
    if (this.#peek() === '^') this.#at++
    if (this.#peek() === ']') this.#at++
    for (; this.#peek() !== ']'; this.#at++) {
      if (this.atEnd) throw new Unreadable()
      if (this.#peek() === '\\') this.#at++
      const [named = ''] = /^\[:\^?\w{1,20}:\]/.exec(this.#source.slice(this.#at, this.#at + 30)) ?? []
      if (named !== '') this.#at += named.length - 1
    }
    const body = this.#source.slice(start, this.#at++)
    const letters = new Set(body.toLowerCase())
    const [letter = ''] = letters
    return /^[A-Za-z0-9]{1,2}$/.test(body) && letters.size === 1
      ? { kind: 'char', char: letter }
      : { kind: 'other' }
  }

  #quantifier(): 'once' | 'maybe' | 'repeated' {
    const [whole = '', sign = '', least = ''] =
      /^(?:([*+?])|\{(\d{1,4})(?:,\d{0,4})?\})[?]?/.exec(this.#source.slice(this.#at, this.#at + 14)) ?? []
    if (whole === '') return 'once'
    this.#at += whole.length
    // A second one behind it, or a group of them, is refused or read by the engine: not by us.
    if (/[*+?]/.test(this.#peek())) throw new Unreadable()
    if (sign === '*' || sign === '?' || (sign === '' && Number(least) === 0)) return 'maybe'
    return 'repeated'
  }
}
