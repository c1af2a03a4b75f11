import type { Listing, ListingColumn, MessageBatch } from '@posthorn/storage'
import type { ListedFields } from '../listing/listed-fields.ts'
import { envelopeAndStructure, type ListedItem, listedItem } from '../listing/listed-items.ts'
import { envelopeAt } from '../listing/listing-format.ts'
import type { OpenMailbox } from '../session/open-mailbox.ts'
import { formatDateTime } from '../wire/date-time.ts'
import type { FetchItem } from '../wire/fetch-items.ts'
import { emailId } from '../wire/object-id.ts'
import { copyOctets, writeLargeNumber, writeNumber, writeText } from '../wire/octet-output.ts'
import { SequenceWalk } from './sequence-walk.ts'

/** What stands in a row between two texts. */
const of = {
  sequence: 0,
  uid: 1,
  flags: 2,
  modSeq: 3,
  size: 4,
  internalDate: 5,
  saveDate: 6,
  emailId: 7,
  /** The others are in listings. */
  both: 8,
  envelope: 9,
  structure: 10,
  fields: 11,
} as const

const inColumns: Partial<Record<FetchItem['kind'], readonly [string, number, string]>> = {
  uid: ['UID ', of.uid, ''],
  flags: ['FLAGS ', of.flags, ''],
  modseq: ['MODSEQ (', of.modSeq, ')'],
  size: ['RFC822.SIZE ', of.size, ''],
  'internal-date': ['INTERNALDATE "', of.internalDate, '"'],
  'save-date': ['SAVEDATE "', of.saveDate, '"'],
  'email-id': ['EMAILID (', of.emailId, ')'],
}

/** Of a number, a date or an id. */
const mostColumnBytes = 32

interface Piece {
  readonly before: string
  readonly kind: number
  readonly after: string
  readonly listed?: ListedItem
}

/**
 * FETCH responses of what stands in columns and listings: nothing but copies, in few functions that see one kind of
 * everything whatever was asked for, so that the engine compiles them once and early, and keeps what it made.
 */
export class ListedRows {
  /** Behind the last row that was written. */
  end = 0
  /** So far. */
  answered = 0
  /** Of the store's listings. */
  readonly columns: readonly ListingColumn[]
  readonly #mailbox: OpenMailbox
  readonly #walk: SequenceWalk
  readonly #texts: Buffer
  /** Where the text before each piece ends. */
  readonly #textEnds: Uint32Array
  readonly #kinds: Uint8Array
  /** For each piece the index of its listing. */
  readonly #listings: Uint8Array
  readonly #fields: readonly (ListedFields | undefined)[]
  /** Without flags and listings. */
  readonly #fixedBytes: number
  readonly #flagCount: number
  /** How many pieces are in each listing. */
  readonly #uses: Uint32Array
  #flags: Buffer = noFlags
  #flagWord0 = -1
  #flagWord1 = -1
  #flagTexts: OpenMailbox['flagTexts']

  private constructor(
    pieces: readonly Piece[],
    columns: readonly ListingColumn[],
    mailbox: OpenMailbox,
    form: RowForm,
  ) {
    const texts: string[] = []
    let text = '* '
    for (const { before, after } of pieces) {
      texts.push(text + before)
      text = texts.length === 1 ? (form === 'uid-only' ? ' UIDFETCH (' : ' FETCH (') : `${after} `
    }
    const all = texts.join('')
    this.#texts = Buffer.from(`${all}${text.trimEnd()})\r\n`, 'latin1')
    let end = 0
    this.#textEnds = Uint32Array.from(texts, (each) => (end += each.length))
    this.#kinds = Uint8Array.from(pieces, ({ kind }) => kind)
    this.#listings = Uint8Array.from(pieces, ({ listed }) => (listed ? columns.indexOf(listed.column) : 0))
    this.#fields = pieces.map(({ listed }) => (typeof listed?.part === 'object' ? listed.part : undefined))
    this.#fixedBytes = this.#texts.length + pieces.length * mostColumnBytes
    this.#flagCount = pieces.filter(({ kind }) => kind === of.flags).length
    this.#uses = Uint32Array.from(
      columns,
      (column) => pieces.filter(({ listed }) => listed?.column === column).length,
    )
    this.columns = columns
    this.#mailbox = mailbox
    this.#walk = new SequenceWalk(mailbox.uids)
    this.#flagTexts = mailbox.flagTexts
  }

  /** undefined: some item needs more than columns and listings. */
  static for(items: readonly FetchItem[], mailbox: OpenMailbox, form: RowForm): ListedRows | undefined {
    const pieces: Piece[] = [{ before: '', kind: form === 'uid-only' ? of.uid : of.sequence, after: '' }]
    const columns = new Set<ListingColumn>()
    for (let at = 0; at < items.length; at++) {
      const item = items[at]!
      const both = item.kind === 'envelope' && items[at + 1]?.kind === 'body-structure'
      if (both) at++
      const piece: Piece | undefined = both ? listedPiece(envelopeAndStructure) : pieceOf(item)
      if (piece === undefined) return undefined
      pieces.push(piece)
      if (piece.listed !== undefined) columns.add(piece.listed.column)
    }
    return new ListedRows(pieces, [...columns], mailbox, form)
  }

  /** Octets that a row has at most; 0 when there is no listing of it. */
  roomFor({ listing, flags0, flags1 }: MessageBatch, row: number): number {
    if (listing === undefined) return 0
    let sizeBytes = this.#fixedBytes
    if (this.#flagCount > 0)
      sizeBytes += this.#flagCount * (this.#flagsFor(flags0[row]!, flags1[row]!).length + recentBytes)
    for (let at = 0; at < listing.length; at++) {
      const { starts, ends } = listing[at]!
      const lengthBytes = ends[row]! - starts[row]!
      if (lengthBytes === 0) return 0
      sizeBytes += lengthBytes * this.#uses[at]!
    }
    return sizeBytes
  }

  /**
   * Writes rows from `row` on, those that the client knows, up to octet `limit` of `out` at most, or to the first one
   * without listing. The row it came to; what was written ends at `end`.
   */
  write(batch: MessageBatch, row: number, out: Buffer, from: number, limit: number): number {
    const { uids } = batch
    const listing = batch.listing!
    const walk = this.#walk
    let to = from
    for (; row < uids.length; row++) {
      const lengthBytes = this.roomFor(batch, row)
      if (lengthBytes === 0 || to + lengthBytes > limit) break
      const sequence = walk.sequenceOf(uids[row]!)
      if (sequence === 0) continue
      this.answered++
      to = this.#writeRow(batch, listing, row, sequence, out, to)
    }
    this.end = to
    return row
  }

  #writeRow(
    batch: MessageBatch,
    listing: readonly Listing[],
    row: number,
    sequence: number,
    out: Buffer,
    from: number,
  ): number {
    const texts = this.#texts
    const textEnds = this.#textEnds
    const kinds = this.#kinds
    let text = 0
    let to = from
    for (let piece = 0; piece < kinds.length; piece++) {
      const textEnd = textEnds[piece]!
      to = copyOctets(texts, text, textEnd, out, to)
      text = textEnd
      const kind = kinds[piece]!
      if (kind === of.sequence) to = writeNumber(out, to, sequence)
      else if (kind < of.both) to = this.#writeColumn(kind, batch, row, out, to)
      else {
        const { octets, starts, ends } = listing[this.#listings[piece]!]!
        const start = starts[row]!
        if (kind === of.fields) to = this.#fields[piece]!.write(octets, start, out, to)
        else to = writeStructures(kind, octets, start, ends[row]!, out, to)
      }
    }
    return copyOctets(texts, text, texts.length, out, to)
  }

  #writeColumn(kind: number, batch: MessageBatch, row: number, out: Buffer, to: number): number {
    switch (kind) {
      case of.uid:
        return writeLargeNumber(out, to, batch.uids[row]!)
      case of.flags: {
        const flags = this.#flagsOf(batch, row)
        return copyOctets(flags, 0, flags.length, out, to)
      }
      case of.modSeq:
        return writeLargeNumber(out, to, batch.modSeqs[row]!)
      case of.size:
        return writeLargeNumber(out, to, batch.facts!.sizeBytes[row]!)
      case of.internalDate:
        return writeText(out, to, formatDateTime(batch.facts!.internalDatesMs[row]!))
      case of.saveDate:
        return writeText(out, to, formatDateTime(batch.facts!.saveDatesMs[row]!))
      default:
        return writeText(out, to, emailId(batch.facts!.messageIds[row]!))
    }
  }

  #flagsOf({ uids, flags0, flags1 }: MessageBatch, row: number): Buffer {
    const mailbox = this.#mailbox
    const [word0, word1] = [flags0[row]!, flags1[row]!]
    if (mailbox.hasRecent && mailbox.isRecent(uids[row]!))
      return mailbox.flagTexts.octets(word0, word1, 'recent')
    return this.#flagsFor(word0, word1)
  }

  #flagsFor(word0: number, word1: number): Buffer {
    const { flagTexts } = this.#mailbox
    if (word0 !== this.#flagWord0 || word1 !== this.#flagWord1 || flagTexts !== this.#flagTexts) {
      this.#flagWord0 = word0
      this.#flagWord1 = word1
      this.#flagTexts = flagTexts
      this.#flags = flagTexts.octets(word0, word1, 'seen-before')
    }
    return this.#flags
  }
}

const noFlags = Buffer.alloc(0)
/** ` \\Recent`, of which `#flagsFor` knows nothing. */
const recentBytes = 8

/** RFC 9586 §3: after ENABLE UIDONLY responses begin with the UID. */
export type RowForm = 'numbered' | 'uid-only'

function pieceOf(item: FetchItem): Piece | undefined {
  const column = inColumns[item.kind]
  if (column !== undefined) return { before: column[0], kind: column[1], after: column[2] }
  const listed = listedItem(item)
  return listed && listedPiece(listed)
}

function listedPiece(listed: ListedItem): Piece {
  const { part } = listed
  if (typeof part === 'object') return { before: `${listed.label} {`, kind: of.fields, after: '', listed }
  return { before: '', kind: of[part], after: '', listed }
}

/** `octets` have ENVELOPE and BODYSTRUCTURE of a row from `start` to `end`. */
function writeStructures(
  kind: number,
  octets: Buffer,
  start: number,
  end: number,
  out: Buffer,
  to: number,
): number {
  const from = start + envelopeAt
  if (kind === of.both) return copyOctets(octets, from, end, out, to)
  const envelopeEnd = from + octets.readUInt32LE(start)
  return kind === of.envelope
    ? copyOctets(octets, from, envelopeEnd, out, to)
    : copyOctets(octets, envelopeEnd + 1, end, out, to)
}
