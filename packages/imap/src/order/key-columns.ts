import { messageIds, referencesOf, SummaryReader, summaryFlag } from '@posthorn/mail'
import type { MessageBatch } from '@posthorn/storage'
import type { Turn } from '../session/turn.ts'
import { type EnvelopeKeys, envelopeKeys } from './envelope-keys.ts'

/** Columns that are read together. */
export type ColumnGroup = 'facts' | 'date' | 'subject' | 'addresses' | 'threads'

/** Octets that a row costs in memory, about. */
export const rowBytes: Readonly<Record<ColumnGroup, number>> = {
  facts: 16,
  date: 8,
  subject: 96,
  addresses: 256,
  threads: 160,
}

/** RFC 5256 §3, RFC 5957. */
export type SortKey =
  | 'ARRIVAL'
  | 'CC'
  | 'DATE'
  | 'FROM'
  | 'SIZE'
  | 'SUBJECT'
  | 'TO'
  | 'DISPLAYFROM'
  | 'DISPLAYTO'

export const groupOf: Readonly<Record<SortKey, ColumnGroup>> = {
  ARRIVAL: 'facts',
  SIZE: 'facts',
  DATE: 'date',
  SUBJECT: 'subject',
  CC: 'addresses',
  FROM: 'addresses',
  TO: 'addresses',
  DISPLAYFROM: 'addresses',
  DISPLAYTO: 'addresses',
}

const noReferences = new Uint32Array(0)

/** Sort values of a mailbox's messages, row by row. A row that was not filled has the lowest values. */
export class KeyColumns {
  readonly values: Readonly<Record<SortKey, (number | string)[]>> = {
    ARRIVAL: [],
    CC: [],
    DATE: [],
    FROM: [],
    SIZE: [],
    SUBJECT: [],
    TO: [],
    DISPLAYFROM: [],
    DISPLAYTO: [],
  }
  readonly isReplyOrForward: boolean[] = []
  /** Numbers of identifiers: a message's own (-1: none) and those it refers to, the oldest first. */
  readonly ownIds: number[] = []
  readonly references: Uint32Array[] = []
  readonly #idNumbers = new Map<string, number>()
  readonly #reader = new SummaryReader()

  /** How many identifiers have a number. */
  get idCount(): number {
    return this.#idNumbers.size
  }

  /** Room for so many rows, at once and one column after the other: all that grow in the same row would take long. */
  async reserve(rows: number, groups: ReadonlySet<ColumnGroup>, turn: Turn): Promise<void> {
    const wanted: { length: number }[] = (Object.keys(groupOf) as SortKey[])
      .filter((key) => groups.has(groupOf[key]))
      .map((key) => this.values[key])
    if (groups.has('subject')) wanted.push(this.isReplyOrForward)
    if (groups.has('threads')) wanted.push(this.ownIds, this.references)
    for (const column of wanted) {
      if (column.length < rows) column.length = rows
      await turn.pass()
    }
  }

  /** What stands in the row of a message that is gone. */
  fillEmpty(row: number, groups: ReadonlySet<ColumnGroup>): void {
    for (const key of Object.keys(groupOf) as SortKey[]) {
      const group = groupOf[key]
      if (groups.has(group)) this.values[key][row] = group === 'facts' || group === 'date' ? 0 : ''
    }
    if (groups.has('subject')) this.isReplyOrForward[row] = false
    if (groups.has('threads')) {
      this.ownIds[row] = -1
      this.references[row] = noReferences
    }
  }

  /** False when the references stand in the header only. */
  fill(row: number, groups: ReadonlySet<ColumnGroup>, batch: MessageBatch, at: number): boolean {
    const { values } = this
    const facts = batch.facts!
    if (groups.has('facts')) {
      values.ARRIVAL[row] = facts.internalDatesMs[at]!
      values.SIZE[row] = facts.sizeBytes[at]!
    }
    const summary = batch.summaries?.[at]
    if (summary === undefined) return true
    const reader = this.#reader
    reader.open(summary)
    // RFC 5256 §2.2: no usable Date field means INTERNALDATE.
    if (groups.has('date'))
      values.DATE[row] = (reader.flags & summaryFlag.sent) === 0 ? facts.internalDatesMs[at]! : reader.sentMs
    const wanted = { subject: groups.has('subject'), addresses: groups.has('addresses') }
    if (!wanted.subject && !wanted.addresses && !groups.has('threads')) return true
    const keys = envelopeKeys(reader, wanted)
    this.#fillTexts(row, keys, wanted)
    if (!groups.has('threads')) return true
    const complete = (reader.flags & summaryFlag.fieldsComplete) !== 0
    const fields = reader.bytes.toString('latin1', reader.fieldsStart, reader.fieldsEnd)
    this.fillThreads(row, keys, complete ? fields : '')
    return complete
  }

  #fillTexts(row: number, keys: EnvelopeKeys, wanted: { subject: boolean; addresses: boolean }): void {
    const { values } = this
    if (wanted.subject) {
      values.SUBJECT[row] = keys.subject
      this.isReplyOrForward[row] = keys.isReplyOrForward
    }
    if (!wanted.addresses) return
    values.FROM[row] = keys.from
    values.TO[row] = keys.to
    values.CC[row] = keys.cc
    values.DISPLAYFROM[row] = keys.displayFrom
    values.DISPLAYTO[row] = keys.displayTo
  }

  /** RFC 5256 §3 REFERENCES: References, else the first identifier of In-Reply-To. */
  fillThreads(row: number, keys: Pick<EnvelopeKeys, 'messageId' | 'inReplyTo'>, header: string): void {
    const [own] = messageIds(keys.messageId)
    this.ownIds[row] = own === undefined ? -1 : this.#numberOf(own)
    this.setReferences(row, header, keys.inReplyTo)
  }

  setReferences(row: number, header: string, inReplyTo: string): void {
    let ids = referencesOf(header)
    if (ids.length === 0) ids = messageIds(inReplyTo).slice(0, 1)
    this.references[row] = ids.length === 0 ? noReferences : Uint32Array.from(ids, (id) => this.#numberOf(id))
  }

  #numberOf(id: string): number {
    let number = this.#idNumbers.get(id)
    if (number === undefined) this.#idNumbers.set(id, (number = this.#idNumbers.size))
    return number
  }
}
