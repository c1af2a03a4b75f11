/** Which of many literals stand in a text: one pass, whatever their number. Aho and Corasick, 1975. */

const maxTableEntries = 4_000_000

export interface MarkedLiteral {
  /** Lower case, ASCII. */
  readonly literal: string
  /** What it stands for. */
  readonly mark: number
}

/** Case is ignored, as Unicode's folding has it for ASCII letters. */
export class LiteralScan {
  readonly #classOf: Uint8Array
  readonly #width: number
  /** State × class → state; states are numbered in steps of `#width`. */
  readonly #next: Int32Array
  /** By state ÷ width. */
  readonly #marks: readonly (readonly number[] | undefined)[]
  /** By state: 1 where a literal ends. */
  readonly #finals: Uint8Array

  private constructor(trie: Trie, classOf: Uint8Array, width: number) {
    this.#classOf = classOf
    this.#width = width
    this.#next = trie.complete()
    this.#marks = trie.marks
    this.#finals = new Uint8Array(this.#next.length)
    for (const [state, marks] of trie.marks.entries())
      if (marks !== undefined) this.#finals[state * width] = 1
  }

  /** undefined: too many to be worth it. */
  static of(literals: readonly MarkedLiteral[]): LiteralScan | undefined {
    const classOf = new Uint8Array(128)
    let width = 1
    for (const { literal } of literals) {
      for (let i = 0; i < literal.length; i++) {
        const code = literal.charCodeAt(i)
        if (classOf[code] !== 0) continue
        classOf[code] = width++
        if (code >= 0x61 && code <= 0x7a) classOf[code - 32] = classOf[code] as number
      }
    }
    const states = literals.reduce((sum, { literal }) => sum + literal.length, 1)
    if (states * width > maxTableEntries) return undefined
    const trie = new Trie(width, states)
    for (const { literal, mark } of literals) trie.add(literal, mark, classOf)
    return new LiteralScan(trie, classOf, width)
  }

  /** Calls `found` with marks whose literals stand in the text; perhaps more than once. */
  scan(text: string, found: (mark: number) => void): void {
    let state = 0
    for (let i = 0; i < text.length; i++) {
      state = this.#next[state + this.#class(text.charCodeAt(i))] as number
      if (this.#finals[state] === 1)
        for (const mark of this.#marks[state / this.#width] as readonly number[]) found(mark)
    }
  }

  /** Where in octets of UTF-8 a literal ends, or may; their length: nowhere. No literal holds a line end. */
  firstIn(octets: Uint8Array, from: number): number {
    const next = this.#next
    const classOf = this.#classOf
    const finals = this.#finals
    let state = 0
    for (let i = from; i < octets.length; i++) {
      const octet = octets[i] as number
      if (octet < 128) state = next[state + (classOf[octet] as number)] as number
      // What begins U+017F (folds to s) or U+212A (folds to k).
      else if (octet === 0xc5 || octet === 0xe2) return i
      else state = 0
      if (finals[state] === 1) return i
    }
    return octets.length
  }

  /** From a place on, until a literal ends there or none is under way: the last octet that was looked at. */
  runFrom(octets: Uint8Array, from: number, end: number): { readonly found: boolean; readonly at: number } {
    let state = 0
    for (let i = from; i < end; i++) {
      const octet = octets[i] as number
      state = octet < 128 ? (this.#next[state + (this.#classOf[octet] as number)] as number) : 0
      if (this.#finals[state] === 1) return { found: true, at: i }
      if (state === 0) return { found: false, at: i }
    }
    return { found: false, at: end }
  }

  #class(code: number): number {
    if (code < 128) return this.#classOf[code] as number
    if (code === 0x17f) return this.#classOf[0x73] as number
    return code === 0x212a ? (this.#classOf[0x6b] as number) : 0
  }
}

class Trie {
  readonly #width: number
  readonly #next: Int32Array
  readonly marks: (number[] | undefined)[] = [undefined]
  #states = 1

  constructor(width: number, maxStates: number) {
    this.#width = width
    this.#next = new Int32Array(maxStates * width)
  }

  add(literal: string, mark: number, classOf: Uint8Array): void {
    let state = 0
    for (let i = 0; i < literal.length; i++) {
      const place = state + (classOf[literal.charCodeAt(i)] as number)
      if (this.#next[place] === 0) {
        this.#next[place] = this.#states++ * this.#width
        this.marks.push(undefined)
      }
      state = this.#next[place] as number
    }
    const index = state / this.#width
    const marks = this.marks[index]
    if (marks === undefined) this.marks[index] = [mark]
    else marks.push(mark)
  }

  /** Failure links are worked into the table, level by level. */
  complete(): Int32Array {
    const next = this.#next
    const width = this.#width
    const failure = new Int32Array(this.#states)
    const queue: number[] = []
    for (let letter = 1; letter < width; letter++) if (next[letter] !== 0) queue.push(next[letter] as number)
    for (let head = 0; head < queue.length; head++) {
      const state = queue[head] as number
      const back = failure[state / width] as number
      const shared = this.marks[back / width]
      if (shared !== undefined) this.marks[state / width] = [...(this.marks[state / width] ?? []), ...shared]
      for (let letter = 1; letter < width; letter++) {
        const child = next[state + letter] as number
        if (child === 0) next[state + letter] = next[back + letter] as number
        else {
          failure[child / width] = next[back + letter] as number
          queue.push(child)
        }
      }
    }
    return next.subarray(0, this.#states * width)
  }
}
