import {
  type DecodedText,
  decodeHeaderBlock,
  foldCase,
  foldedTexts,
  type OctetRanges,
  type SearchedSummary,
} from '@posthorn/mail'
import { Questions } from './questions.ts'

interface FoldedText {
  readonly place: DecodedText['place']
  readonly text: string
}

/** A line without end is cut here: nobody waits for a letter and its accent that long. */
const maxHeldLength = 4096

/** A message's decoded texts, case folded; each is decoded once, and only when a search gets that far. */
export class MessageTexts {
  readonly #pieces: Generator<DecodedText>
  readonly #folded: FoldedText[] = []
  /** Folded pieces of a text that goes on, and the end of the last one, from its last line on. */
  #open: string[] = []
  #held = ''
  #length = 0
  readonly #questions: Questions

  constructor(
    prefix: Uint8Array,
    message: OctetRanges,
    summary: SearchedSummary,
    questions = new Questions(),
  ) {
    this.#pieces = allTexts(prefix, message, summary)
    this.#questions = questions
  }

  /** Whether a text contains the folded needle: in bodies, or in headers too (RFC 9051 §6.4.4). undefined: put off. */
  include(needle: string, where: 'body' | 'everywhere'): boolean | undefined {
    const look = () => this.#look(needle, where)
    return this.#questions.areFew ? look() : this.#questions.ask(`${where} ${needle}`, look)
  }

  #look(needle: string, where: 'body' | 'everywhere'): boolean {
    for (let i = 0; i < this.#folded.length || this.#foldNext(); i++) {
      const { place, text } = this.#folded[i] as FoldedText
      if (where === 'body' && place !== 'body') continue
      this.#questions.count(text.length)
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
