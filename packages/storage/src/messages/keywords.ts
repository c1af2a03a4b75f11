import { type Flags, maxKeywords, StoreError } from '../contract.ts'
import type { Unit } from '../kv/unit.ts'
import { at, chunkHeadBytes, chunkRows, placementBytes } from '../rows/chunk.ts'
import { readKeywords, writeKeywords } from '../rows/mailbox-row.ts'

export interface FlagWords {
  readonly flags0: number
  readonly flags1: number
}

/** Bits 0–4 are system flags; keyword n is bit n+5 of word 0, or bit n-27 of word 1. */
const firstWordKeywords = 27
export const systemMask = 31
/** Octets of one keyword: strangers' input, kept in a row of 59. */
const maxKeywordBytes = 200

export const keywordWords = (slot: number): FlagWords =>
  slot < firstWordKeywords
    ? { flags0: (1 << (slot + 5)) >>> 0, flags1: 0 }
    : { flags0: 0, flags1: (1 << (slot - firstWordKeywords)) >>> 0 }

/** Names of the keywords set in two words. */
export const keywordNames = (flags0: number, flags1: number, keywords: readonly string[]): string[] => {
  const names: string[] = []
  for (let slot = 0; slot < keywords.length; slot++) {
    const words = keywordWords(slot)
    if ((flags0 & words.flags0) !== 0 || (flags1 & words.flags1) !== 0) {
      const name = keywords[slot]
      if (name) names.push(name)
    }
  }
  return names
}

/** RFC 9051 §2.3.2: keywords compare without case; the first spelling stays. */
const slotOf = (keywords: readonly string[], name: string): number => {
  const folded = name.toLowerCase()
  return keywords.findIndex((each) => each.toLowerCase() === folded)
}

/** Flag words without new slots: unknown keywords are left out. */
export const knownFlagWords = (flags: Flags, keywords: readonly string[]): FlagWords => {
  let flags0 = flags.system & systemMask
  let flags1 = 0
  for (const name of flags.keywords) {
    const slot = slotOf(keywords, name)
    if (slot < 0 || name === '') continue
    const words = keywordWords(slot)
    flags0 |= words.flags0
    flags1 |= words.flags1
  }
  return { flags0: flags0 >>> 0, flags1: flags1 >>> 0 }
}

/** Flag words; unknown keywords get a slot. Throws 'limit' when 59 are in use. */
export const bindFlags = (unit: Unit, mailbox: number, flags: Flags): FlagWords => {
  if (flags.keywords.length === 0) return { flags0: flags.system & systemMask, flags1: 0 }
  const keywords = [...readKeywords(unit, mailbox)]
  const missing = flags.keywords.filter((name) => name !== '' && slotOf(keywords, name) < 0)
  if (missing.length > 0) {
    const taken: number[] = []
    for (const name of missing) taken.push(takeSlot(unit, mailbox, keywords, name, taken))
    writeKeywords(unit, mailbox, keywords)
  }
  return knownFlagWords(flags, keywords)
}

/** `taken` are slots that this very call has filled: no message carries them yet. */
const takeSlot = (
  unit: Unit,
  mailbox: number,
  keywords: string[],
  name: string,
  taken: readonly number[],
): number => {
  const known = slotOf(keywords, name)
  if (known >= 0) return known
  if (Buffer.byteLength(name) > maxKeywordBytes) {
    throw new StoreError('limit', `Cannot add keyword: longer than ${maxKeywordBytes} octets`)
  }
  if (!keywords.includes('') && keywords.length >= maxKeywords)
    freeUnusedSlots(unit, mailbox, keywords, taken)
  const free = keywords.indexOf('')
  const slot = free >= 0 ? free : keywords.length
  if (slot >= maxKeywords)
    throw new StoreError('limit', `Cannot add keyword "${name}": ${maxKeywords} are in use`)
  keywords[slot] = name
  return slot
}

const freeUnusedSlots = (unit: Unit, mailbox: number, keywords: string[], taken: readonly number[]): void => {
  let used0 = 0
  let used1 = 0
  for (const { bytes } of chunkRows(unit, mailbox)) {
    for (let base = chunkHeadBytes; base < bytes.length; base += placementBytes) {
      used0 |= bytes.readUInt32BE(base + at.flags0)
      used1 |= bytes.readUInt32BE(base + at.flags1)
    }
  }
  for (let slot = 0; slot < keywords.length; slot++) {
    if (taken.includes(slot)) continue
    const words = keywordWords(slot)
    if ((used0 & words.flags0) === 0 && (used1 & words.flags1) === 0) keywords[slot] = ''
  }
}
