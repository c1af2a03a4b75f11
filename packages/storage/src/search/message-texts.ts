import {
  type DecodedText,
  decodeHeaderBlock,
  foldCase,
  foldedTexts,
  type OctetRanges,
  type SearchedSummary,
} from '@posthorn/mail'
import { workTurns } from '../work-turns.ts'

interface FoldedText {
  readonly place: DecodedText['place']
  readonly text: string
}

/** A line without end is cut here: nobody waits for a letter and its accent that long. */
const maxHeldLength = 4096
/** Characters of a message that are looked through before answers are remembered, and the work is shared out. */
const quickLength = 256 * 1024

/** A message's decoded texts, case folded; each is decoded once, and only when a search gets that far. */
export class MessageTexts {
  readonly #pieces: Generator<DecodedText>
  readonly #folded: FoldedText[] = []
  /** Folded pieces of a text that goes on, and the end of the last one, from its last line on. */
  #open: string[] = []
  #held = ''
  #length = 0
  #lookedLength = 0
  /** By place and needle. */
  readonly #known = new Map<string, boolean>()
  #isAnswered = false
  #isPutOff = false

  constructor(prefix: Uint8Array, message: OctetRanges, summary: SearchedSummary) {
    this.#pieces = allTexts(prefix, message, summary)
  }

  get isPutOff(): boolean {
    return this.#isPutOff
  }

  /** Since the last call a question was put off: ask all of them again in another turn, until none is. */
  takePutOff(): boolean {
    const isPutOff = this.#isPutOff
    this.#isPutOff = false
    this.#isAnswered = false
    return isPutOff
  }

  /**
   * Whether a text contains the folded needle: in bodies, or in headers too (RFC 9051 §6.4.4). undefined: put off, for
   * others wait: a command has room for thousands of needles.
   */
  include(needle: string, where: 'body' | 'everywhere'): boolean | undefined {
    if (this.#lookedLength < quickLength) return this.#look(needle, where)
    const key = `${where} ${needle}`
    let isThere = this.#known.get(key)
    if (isThere !== undefined) return isThere
    if (this.#isAnswered && workTurns.isOver) {
      this.#isPutOff = true
      return undefined
    }
    isThere = this.#look(needle, where)
    this.#known.set(key, isThere)
    this.#isAnswered = true
    return isThere
  }

  #look(needle: string, where: 'body' | 'everywhere'): boolean {
    for (let i = 0; i < this.#folded.length || this.#foldNext(); i++) {
      const { place, text } = this.#folded[i] as FoldedText
      if (where === 'body' && place !== 'body') continue
      this.#lookedLength += text.length
      if (text.includes(needle)) return true
    }
    return false
  }

  /** All of them; undefined when they are longer than `maxLength` together. */
  all(maxLength: number): readonly FoldedText[] | undefined {
    while (this.#length <= maxLength) if (!this.step()) return this.#folded
    return undefined
  }

  /** Decodes and folds one piece ahead, for callers that share their thread. False at the end. */
  step(): boolean {
    const next = this.#pieces.next()
    if (next.done === true) return false
    const { place, text, more, isFolded } = next.value
    this.#length += text.length
    if (isFolded) {
      this.#folded.push({ place, text })
      return true
    }
    const raw = this.#held + text
    const cut = more ? cutOf(raw) : raw.length
    this.#open.push(foldCase(raw.slice(0, cut)))
    this.#held = raw.slice(cut)
    if (!more) {
      this.#folded.push({
        place,
        text: this.#open.length === 1 ? (this.#open[0] as string) : this.#open.join(''),
      })
      this.#open = []
    }
    return true
  }

  /** Until another whole text is there. */
  #foldNext(): boolean {
    const before = this.#folded.length
    while (this.#folded.length === before) if (!this.step()) return false
    return true
  }
}

/** Folding looks at neighbours (accents), but not over a line's beginning. */
const cutOf = (text: string): number => {
  const line = text.lastIndexOf('\n') + 1
  return text.length - line <= maxHeldLength ? line : text.length - 1
}

function* allTexts(
  prefix: Uint8Array,
  message: OctetRanges,
  summary: SearchedSummary,
): Generator<DecodedText> {
  if (prefix.length > 0) {
    yield { place: 'header', text: foldCase(decodeHeaderBlock(prefix)), more: false, isFolded: true }
  }
  yield* foldedTexts(message, summary)
}
