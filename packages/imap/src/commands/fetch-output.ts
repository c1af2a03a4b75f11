import type { MessageBatch } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import { writeStructure } from '../wire/body-structure.ts'
import { formatDateTime } from '../wire/date-time.ts'
import { writeEnvelope } from '../wire/envelope.ts'
import type { FetchItem, PlainItem } from '../wire/fetch-items.ts'
import { emailId, threadId } from '../wire/object-id.ts'
import { ColumnRows } from './column-rows.ts'
import type { RowsAsked } from './kept-rows.ts'
import type { ListedRows } from './listed-rows.ts'
import type { MessageView } from './message-view.ts'
import { batchBytes, PacedOutput, turnBytes } from './paced-output.ts'
import { SequenceWalk } from './sequence-walk.ts'

/** In octets. */
const copiedWeight = 64
const numbersWeight = 16
/** With all keywords that a mailbox may have. */
const mostRowBytes = 16 * 1024
const marked: PlainItem = { kind: 'flags' }

/** A message to be written: a row of a batch, and its summary. */
export interface FetchRow {
  readonly batch: MessageBatch
  readonly at: number
  readonly uid: number
  readonly flags0: number
  readonly flags1: number
  readonly modSeq: number
  /** Its \Seen was set by this command: FLAGS are told whether asked for or not. */
  readonly marked: boolean
  readonly message: MessageView
}

/** FETCH responses on their way to one client. */
export class FetchOutput extends PacedOutput {
  readonly #session: SelectedSession
  readonly #items: readonly FetchItem[]
  readonly #walk: SequenceWalk
  readonly #uidOnly: boolean
  /** What a message costs beside the octets it makes, in octets. */
  readonly #weight: number
  /** Rows that others may ask for, too. */
  #asked: RowsAsked | undefined

  constructor(session: SelectedSession, items: readonly FetchItem[]) {
    super(session)
    this.#session = session
    this.#items = items
    this.#walk = new SequenceWalk(session.mailbox.uids)
    this.#uidOnly = session.enabled('UIDONLY')
    const names = items.reduce(
      (sum, item) => sum + (item.kind === 'section' ? item.section.names.size : 0),
      0,
    )
    this.#weight = 32 * (items.length + names)
  }

  get items(): readonly FetchItem[] {
    return this.#items
  }

  /** The number its response begins with; 0 when the client does not know the message. UIDs ascending. */
  sequenceOf(uid: number): number {
    const sequence = this.#walk.sequenceOf(uid)
    return sequence !== 0 && this.#uidOnly ? uid : sequence
  }

  /** Rows whose items are all in columns (UID, FLAGS, MODSEQ, INTERNALDATE, RFC822.SIZE): no object a message. */
  async writeColumns(batch: MessageBatch): Promise<void> {
    const { uids } = batch
    const plain = this.#plainRows()
    if (plain !== undefined) {
      await this.#writeRows(plain, batch)
      return
    }
    for (let at = 0; at < uids.length; at++) {
      const sequence = this.sequenceOf(uids[at]!)
      if (sequence === 0) continue
      this.begin(sequence)
      const items = this.#items
      for (let index = 0; index < items.length; index++) {
        if (index > 0) this.writer.text(' ')
        this.#column(items[index]!, batch, at, batch.flags0[at]!, batch.flags1[at]!, batch.modSeqs[at]!)
      }
      this.closeMessage()
      if (this.full) {
        await this.flush()
        if (this.#session.gone) return
      }
    }
  }

  /** undefined: what is sent is not the same for everybody, or no number and no flags. */
  #plainRows(): ColumnRows | undefined {
    const { mailbox } = this.#session
    return this.#uidOnly || mailbox.hasRecent ? undefined : ColumnRows.for(this.#items, mailbox)
  }

  /** Sends all rows, when somebody has asked for the same before. */
  async sendKept(uids: Uint32Array): Promise<'sent' | 'unknown'> {
    if (this.#plainRows() === undefined) return 'unknown'
    this.#asked = this.#session.services.keptRows.ask(this.#session, this.#items, uids)
    const octets = this.#asked?.known()
    if (octets === undefined) return 'unknown'
    for (let at = 0; at < octets.length && !this.#session.gone; at += turnBytes) {
      if (at > 0) await this.flush()
      this.pass(octets.subarray(at, at + turnBytes))
    }
    this.pass()
    return 'sent'
  }

  /** All that was to be said has been written. */
  complete(rows: number): void {
    this.pass()
    this.#asked?.complete(rows)
  }

  async #writeRows(rows: ColumnRows, batch: MessageBatch): Promise<void> {
    const { writer } = this
    for (let row = 0; row < batch.uids.length && !this.#session.gone; ) {
      const memory = writer.room(mostRowBytes)
      const before = row
      const from = writer.end
      row = rows.write(batch, row, memory, from, Math.min(memory.length, from + batchBytes))
      writer.endAt(rows.end)
      this.#asked?.sent(memory.subarray(from, rows.end), row - before)
      this.spent((row - before) * numbersWeight)
      if (writer.length > 0) await this.flush()
    }
  }

  /** Rows of a page, until it is time to `flush`: how many. */
  writeRowsNow(rows: ColumnRows, batch: MessageBatch): number {
    const { writer } = this
    let row = 0
    while (row < batch.uids.length && !this.full) {
      const memory = writer.room(mostRowBytes)
      row = rows.write(batch, row, memory, writer.end, memory.length)
      writer.endAt(rows.end)
    }
    return row
  }

  /** The same, up to the first one without listing. */
  writeListedNow(rows: ListedRows, batch: MessageBatch): number {
    const { writer } = this
    let row = 0
    while (row < batch.uids.length && !this.full) {
      const lengthBytes = rows.roomFor(batch, row)
      if (lengthBytes === 0) break
      const memory = writer.room(lengthBytes)
      row = rows.write(batch, row, memory, writer.end, memory.length)
      writer.endAt(rows.end)
    }
    return row
  }

  /** Rows from `row` on, up to the first one without listing: its number. */
  async writeListed(rows: ListedRows, batch: MessageBatch, row: number): Promise<number> {
    const { writer } = this
    let at = row
    while (at < batch.uids.length && !this.#session.gone) {
      const lengthBytes = rows.roomFor(batch, at)
      if (lengthBytes === 0) return at
      // What is ready need not be moved to where there is room.
      if (lengthBytes > writer.roomBytes) await this.flush()
      const memory = writer.room(lengthBytes)
      const from = writer.end
      const before = at
      const most = Math.max(batchBytes, lengthBytes)
      at = rows.write(batch, at, memory, from, Math.min(memory.length, from + most))
      writer.endAt(rows.end)
      this.spent((at - before) * copiedWeight)
      if (this.full) await this.flush()
    }
    return at
  }

  /** `* n FETCH (`, and the flags when this command changed them and they are not among the items. */
  openMessage(row: FetchRow, sequence: number): void {
    this.begin(sequence)
    if (!row.marked) return
    if (!this.#has('flags')) {
      this.writeItem(marked, row)
      this.writer.text(' ')
    }
    // RFC 7162 §3.2.4: a change is told with its UID and its MODSEQ.
    if (!this.#session.enabled('CONDSTORE')) return
    if (!this.#uidOnly && !this.#has('uid')) this.writer.text('UID ').number(row.uid).text(' ')
    if (!this.#has('modseq')) this.writer.text('MODSEQ (').number(row.modSeq).text(') ')
  }

  closeMessage(): void {
    this.writer.text(')\r\n')
    this.spent(this.#weight)
  }

  writeItem(item: PlainItem, row: FetchRow): void {
    const { writer } = this
    switch (item.kind) {
      case 'envelope':
        writer.text('ENVELOPE ')
        row.message.reader.toEnvelope()
        writeEnvelope(writer, row.message.reader)
        return
      case 'body':
      case 'body-structure':
        writer.text(item.kind === 'body' ? 'BODY ' : 'BODYSTRUCTURE ')
        row.message.reader.toStructure()
        writeStructure(writer, row.message.reader, item.kind)
        return
      case 'thread-id': {
        const name = row.batch.conversations?.[row.at]
        writer.text(name === undefined ? 'THREADID NIL' : `THREADID (${threadId(name)})`)
        return
      }
      default:
        this.#column(item, row.batch, row.at, row.flags0, row.flags1, row.modSeq)
    }
  }

  /** The item of a row of columns. */
  writeColumn(item: FetchItem, batch: MessageBatch, at: number): void {
    this.#column(item, batch, at, batch.flags0[at]!, batch.flags1[at]!, batch.modSeqs[at]!)
  }

  /** Ends a message whose octets cost no more than to copy them. */
  endCopied(): void {
    this.writer.text(')\r\n')
    this.spent(copiedWeight)
  }

  begin(sequence: number): void {
    this.writer
      .text('* ')
      .number(sequence)
      .text(this.#uidOnly ? ' UIDFETCH (' : ' FETCH (')
  }

  #has(kind: FetchItem['kind']): boolean {
    return this.#items.some((item) => item.kind === kind)
  }

  #column(
    item: FetchItem,
    batch: MessageBatch,
    at: number,
    flags0: number,
    flags1: number,
    modSeq: number,
  ): void {
    const { writer } = this
    switch (item.kind) {
      case 'uid':
        writer.text('UID ').number(batch.uids[at]!)
        return
      case 'flags': {
        const { mailbox } = this.#session
        const recent = mailbox.hasRecent && mailbox.isRecent(batch.uids[at]!) ? 'recent' : 'seen-before'
        writer.text('FLAGS ').octets(mailbox.flagTexts.octets(flags0, flags1, recent))
        return
      }
      case 'modseq':
        writer.text('MODSEQ (').number(modSeq).text(')')
        return
      case 'size':
        writer.text('RFC822.SIZE ').number(batch.facts!.sizeBytes[at]!)
        return
      case 'internal-date':
        writer.text('INTERNALDATE "').text(formatDateTime(batch.facts!.internalDatesMs[at]!)).text('"')
        return
      case 'save-date':
        writer.text('SAVEDATE "').text(formatDateTime(batch.facts!.saveDatesMs[at]!)).text('"')
        return
      case 'email-id':
        writer.text('EMAILID (').text(emailId(batch.facts!.messageIds[at]!)).text(')')
        return
    }
  }
}
