import { type Flags, type MessageBatch, StoreError, systemFlag } from '@posthorn/storage'
import { asciiLower } from './ascii.ts'
import { SyntaxFault } from './syntax-fault.ts'

/** Names in the order in which they are sent. RFC 9051 §2.3.2. */
export const systemFlagNames: readonly (readonly [number, string])[] = [
  [systemFlag.answered, '\\Answered'],
  [systemFlag.flagged, '\\Flagged'],
  [systemFlag.deleted, '\\Deleted'],
  [systemFlag.seen, '\\Seen'],
  [systemFlag.draft, '\\Draft'],
]

const systemFlagByName = new Map(systemFlagNames.map(([bit, name]) => [asciiLower(name), bit]))
/** Dovecot: mail_max_keyword_length is 50; some clients make longer ones. */
const maxKeywordBytes = 100

/** `\Recent` cannot be set (RFC 3501 §2.3.2); other unknown `\names` are BAD, as at Dovecot. */
export function flagsFrom(names: readonly string[]): Flags {
  let system = 0
  const keywords: string[] = []
  for (const name of names) {
    if (name.startsWith('\\')) {
      const bit = systemFlagByName.get(asciiLower(name))
      if (bit === undefined) throw new SyntaxFault('Invalid system flag')
      system |= bit
    } else if (name.length > maxKeywordBytes) {
      throw new StoreError('limit', `Keyword is longer than ${maxKeywordBytes} octets`)
    } else {
      keywords.push(name)
    }
  }
  return { system, keywords }
}

/** Renders FLAGS lists and remembers the text of each combination it has seen. */
export class FlagTexts {
  readonly keywords: readonly string[]
  /** The bits that have a name, of both words. */
  readonly #named: readonly [number, number]
  /** By word 1 and \Recent, then by word 0. */
  readonly #rendered = new Map<number, Map<number, Buffer>>()

  /** @param keywords names by number, '' for a free slot */
  constructor(keywords: readonly string[]) {
    this.keywords = keywords
    let named0 = systemFlagNames.reduce((bits, [bit]) => bits | bit, 0)
    let named1 = 0
    keywords.forEach((keyword, slot) => {
      if (keyword === '') return
      if (slot < 27) named0 |= 1 << (5 + slot)
      else named1 |= 1 << (slot - 27)
    })
    this.#named = [named0, named1]
  }

  /** Whether every keyword of these messages has its name here. */
  nameAll({ flags0, flags1 }: Pick<MessageBatch, 'flags0' | 'flags1'>): boolean {
    let all0 = 0
    let all1 = 0
    for (let at = 0; at < flags0.length; at++) {
      all0 |= flags0[at]!
      all1 |= flags1[at]!
    }
    const [named0, named1] = this.#named
    return (all0 & ~named0) === 0 && (all1 & ~named1) === 0
  }

  /** `(\Seen $label1)` for the two words of a message. */
  list(flags0: number, flags1: number, recent: Recency): string {
    return this.octets(flags0, flags1, recent).toString('latin1')
  }

  /** As `list`. Shared: never modify. */
  octets(flags0: number, flags1: number, recent: Recency): Buffer {
    // Word 1 is rarely anything but 0; \Recent doubles it in the key.
    const second = flags1 * 2 + (recent === 'recent' ? 1 : 0)
    let rendered = this.#rendered.get(second)
    if (rendered === undefined) {
      if (this.#rendered.size >= maxRemembered) this.#rendered.clear()
      this.#rendered.set(second, (rendered = new Map()))
    }
    let octets = rendered.get(flags0)
    if (octets === undefined) {
      const text = `(${this.names(flags0, flags1, recent).join(' ')})`
      // Not a piece of a block of small buffers: each session that idles would keep one.
      octets = Buffer.allocUnsafeSlow(text.length)
      octets.write(text, 'latin1')
      if (rendered.size >= maxRemembered) rendered.clear()
      rendered.set(flags0, octets)
    }
    return octets
  }

  names(flags0: number, flags1: number, recent: Recency): string[] {
    const names = systemFlagNames.filter(([bit]) => (flags0 & bit) !== 0).map(([, name]) => name)
    if (recent === 'recent') names.push('\\Recent')
    this.keywords.forEach((keyword, slot) => {
      if (keyword !== '' && hasKeyword(flags0, flags1, slot)) names.push(keyword)
    })
    return names
  }
}

export type Recency = 'recent' | 'seen-before'
/** A mailbox could have more combinations than are worth keeping. */
const maxRemembered = 256

/** Keyword n is bit 5+n of word 0 up to n = 26, then bit n-27 of word 1. */
export function hasKeyword(flags0: number, flags1: number, slot: number): boolean {
  return slot < 27 ? ((flags0 >>> (5 + slot)) & 1) === 1 : ((flags1 >>> (slot - 27)) & 1) === 1
}
