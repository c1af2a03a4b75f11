import type { MessageBatch } from '@posthorn/storage'
import type { FetchItem } from '../wire/fetch-items.ts'
import type { FlagTexts } from '../wire/flags.ts'
import { lowerBound } from '../wire/number-set.ts'

/** What stands in a row between two texts. */
const column = { sequence: 0, uid: 1, flags: 2, modSeq: 3, size: 4 } as const

const known: Partial<Record<FetchItem['kind'], readonly [string, number, string]>> = {
  uid: ['UID ', column.uid, ''],
  flags: ['FLAGS ', column.flags, ''],
  modseq: ['MODSEQ (', column.modSeq, ')'],
  size: ['RFC822.SIZE ', column.size, ''],
}

/** Digits of 2^53. */
const mostDigits = 16
/** Whole numbers below are divided without floating point. */
const integers = 0x8000_0000

/**
 * FETCH responses of numbers and flags, of which a client may ask for a hundred thousand at once. All of it is one loop
 * over octets and columns, so that even its first thousand rows, before the engine compiled anything, are quick.
 */
export class ColumnRows {
  /** Behind the last row that was written. */
  end = 0
  readonly #texts: Uint8Array
  /** Where the text before each column ends, and the last text. */
  readonly #ends: Uint8Array
  readonly #columns: Uint8Array
  readonly #uids: Uint32Array
  readonly #flagTexts: FlagTexts
  /** Without flags. */
  readonly #rowBytes: number
  /** Index of the message before. */
  #at = -1

  private constructor(texts: readonly string[], columns: readonly number[], of: RowsOf) {
    this.#texts = Buffer.from(texts.join(''), 'latin1')
    let end = 0
    this.#ends = Uint8Array.from(texts, (text) => (end += text.length))
    this.#columns = Uint8Array.from(columns)
    this.#rowBytes = end + columns.length * mostDigits
    this.#uids = of.uids
    this.#flagTexts = of.flagTexts
  }

  /** undefined: some item is no number and no flags. */
  static for(items: readonly FetchItem[], of: RowsOf): ColumnRows | undefined {
    const texts: string[] = ['* ']
    const columns: number[] = [column.sequence]
    let text = ' FETCH ('
    for (const { kind } of items) {
      const form = known[kind]
      if (form === undefined) return undefined
      const [before, which, after] = form
      texts.push(text + before)
      columns.push(which)
      text = `${after} `
    }
    texts.push(`${text.trimEnd()})\r\n`)
    // Places in them are kept in one octet.
    if (texts.join('').length > 255) return undefined
    return new ColumnRows(texts, columns, of)
  }

  /**
   * Writes rows from `row` on, those that the client knows, up to octet `limit` of `out` at most. The row it came to;
   * what was written ends at `end`.
   */
  write(batch: MessageBatch, row: number, out: Uint8Array, from: number, limit: number): number {
    const { uids, flags0, flags1, modSeqs, facts } = batch
    const texts = this.#texts
    const ends = this.#ends
    const columns = this.#columns
    const mailbox = this.#uids
    let index = this.#at
    let to = from
    let flags: Uint8Array = none
    let word0 = -1
    let word1 = -1
    for (; row < uids.length; row++) {
      const uid = uids[row]!
      if (flags0[row] !== word0 || flags1[row] !== word1) {
        word0 = flags0[row]!
        word1 = flags1[row]!
        flags = this.#flagTexts.octets(word0, word1, 'seen-before')
      }
      if (to + this.#rowBytes + flags.length > limit) break
      if (mailbox[++index] !== uid) {
        index = lowerBound(mailbox, uid)
        if (mailbox[index] !== uid) {
          index--
          continue
        }
      }
      let text = 0
      for (let which = 0; which < columns.length; which++) {
        for (const end = ends[which]!; text < end; text++) out[to++] = texts[text]!
        const kind = columns[which]!
        if (kind === column.flags) {
          for (let octet = 0; octet < flags.length; octet++) out[to++] = flags[octet]!
          continue
        }
        let value = kind === column.uid ? uid : index + 1
        if (kind === column.modSeq) value = modSeqs[row]!
        else if (kind === column.size) value = facts!.sizeBytes[row]!
        if (value >= integers) {
          to = writeLarge(out, to, value)
          continue
        }
        let digits = 1
        for (let bound = 10; digits < 10 && value >= bound; bound *= 10) digits++
        to += digits
        let at = to
        do {
          const rest = (value / 10) | 0
          out[--at] = 0x30 + value - rest * 10
          value = rest
        } while (value > 0)
      }
      for (; text < texts.length; text++) out[to++] = texts[text]!
    }
    this.#at = index
    this.end = to
    return row
  }
}

/** The mailbox as the client knows it. */
interface RowsOf {
  readonly uids: Uint32Array
  readonly flagTexts: FlagTexts
}

const none = new Uint8Array(0)

function writeLarge(out: Uint8Array, from: number, value: number): number {
  const digits = String(value)
  for (let at = 0; at < digits.length; at++) out[from + at] = digits.charCodeAt(at)
  return from + digits.length
}
