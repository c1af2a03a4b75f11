import { type DecodedText, decodedTexts, decodeHeaderBlock, decodeSummary, foldCase } from '@posthorn/mail'

/** A message's decoded texts, case folded; each is decoded once, and only when a search gets that far. */
export class MessageTexts {
  readonly #texts: Generator<DecodedText>
  readonly #folded: DecodedText[] = []

  constructor(prefix: Uint8Array, message: Uint8Array, summary: Uint8Array) {
    this.#texts = allTexts(prefix, message, summary)
  }

  /** Whether a text contains the folded needle: in bodies, or in headers too. RFC 9051 §6.4.4. */
  include(needle: string, where: 'body' | 'everywhere'): boolean {
    const matches = ({ place, text }: DecodedText): boolean =>
      (where === 'everywhere' || place === 'body') && text.includes(needle)
    for (const text of this.#folded) if (matches(text)) return true
    for (let next = this.#texts.next(); next.done !== true; next = this.#texts.next()) {
      const folded = { place: next.value.place, text: foldCase(next.value.text) }
      this.#folded.push(folded)
      if (matches(folded)) return true
    }
    return false
  }
}

function* allTexts(prefix: Uint8Array, message: Uint8Array, summary: Uint8Array): Generator<DecodedText> {
  if (prefix.length > 0) yield { place: 'header', text: decodeHeaderBlock(prefix) }
  yield* decodedTexts(message, decodeSummary(summary))
}
