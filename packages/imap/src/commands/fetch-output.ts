import { setImmediate as turn } from 'node:timers/promises'
import type { MessageBatch } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import { writeStructure } from '../wire/body-structure.ts'
import { formatDateTime } from '../wire/date-time.ts'
import { writeEnvelope } from '../wire/envelope.ts'
import type { FetchItem, PlainItem } from '../wire/fetch-items.ts'
import { emailId, threadId } from '../wire/object-id.ts'
import { pieceBytes, ResponseWriter } from '../wire/response.ts'
import { ColumnRows } from './column-rows.ts'
import type { RowsAsked } from './kept-rows.ts'
import type { ListedRows } from './listed-rows.ts'
import type { MessageView } from './message-view.ts'
import { givePiece, takePiece } from './output-memory.ts'
import { SequenceWalk } from './sequence-walk.ts'

/** Sent as soon as this much is ready. */
const batchBytes = 64 * 1024
/** After this much work without waiting for the client, others get their turn. */
const turnBytes = 512 * 1024
/** Octets that are sent from where they are go out so many at a time: each call into the kernel wakes the client. */
const sendBytes = 256 * 1024
/** Memory kept for what is being sent. */
const maxPieces = 3
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

/** FETCH responses on their way to one client: renders into batches, sends them, waits when it must. */
export class FetchOutput {
  readonly writer: ResponseWriter
  /** Octets are not sent from where they are: their memory is somebody else's. */
  copies = false
  readonly #session: SelectedSession
  readonly #items: readonly FetchItem[]
  readonly #walk: SequenceWalk
  readonly #uidOnly: boolean
  /** What a message costs beside the octets it makes, in octets. */
  readonly #weight: number
  #sinceTurn = 0
  #sentBytes = 0
  /** Memory of the writer, the piece in use first, and what had been sent when it was full. */
  #pieces: { readonly buffer: Buffer; sentBytes: number }[]
  #drained: Promise<void> | undefined
  /** Not handed to the connection yet. */
  #queue: Uint8Array[] = []
  /** Rows that others may ask for, too. */
  #asked: RowsAsked | undefined
  #queuedBytes = 0

  constructor(session: SelectedSession, items: readonly FetchItem[]) {
    const buffer = takePiece()
    this.#pieces = [{ buffer, sentBytes: 0 }]
    this.writer = new ResponseWriter(buffer, (lengthBytes) => this.#memory(lengthBytes))
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

  /** Time to `flush`. */
  get full(): boolean {
    return this.writer.length >= batchBytes || this.#drained !== undefined || this.#sinceTurn >= turnBytes
  }

  /** The number its response begins with; 0 when the client does not know the message. UIDs ascending. */
  sequenceOf(uid: number): number {
    const sequence = this.#walk.sequenceOf(uid)
    return sequence !== 0 && this.#uidOnly ? uid : sequence
  }

  /** Sends what is ready, and waits when the client or the others need it. */
  async flush(): Promise<void> {
    if (this.writer.length > 0) this.#put(this.writer.take())
    this.#sendQueue()
    const drained = this.#drained
    if (drained === undefined && this.#sinceTurn < turnBytes) return
    this.#drained = undefined
    this.#sinceTurn = 0
    await (drained ?? turn())
    if (this.#session.settled) this.writer.recycle()
  }

  /** A mailbox of octets passes through: fresh memory for each piece would be most of the work. */
  #memory(lengthBytes: number): Buffer {
    if (lengthBytes !== pieceBytes) return Buffer.allocUnsafeSlow(lengthBytes)
    const [last, ...others] = this.#pieces
    if (last !== undefined) last.sentBytes = this.#sentBytes
    const free = others.find(({ sentBytes }) => this.isGone(sentBytes))
    const next = free ?? { buffer: takePiece(), sentBytes: 0 }
    this.#pieces = [next, ...this.#pieces.filter((piece) => piece !== next)].slice(0, maxPieces)
    return next.buffer
  }

  /** After the last flush: others may have its memory as soon as all has been sent. */
  close(): void {
    const [last] = this.#pieces
    if (last !== undefined) last.sentBytes = this.#sentBytes
    for (const { buffer, sentBytes } of this.#pieces) givePiece(buffer, this, sentBytes)
    this.#pieces = []
  }

  /** So far. */
  get sentBytes(): number {
    return this.#sentBytes
  }

  /** Whether nobody needs any more what was sent when `sentBytes` had this value. */
  isGone(sentBytes: number): boolean {
    return this.#session.backlogBytes + this.#queuedBytes <= this.#sentBytes - sentBytes
  }

  /** @param octets that are large enough to be sent from where they are, behind all that was written */
  pass(octets?: Uint8Array): void {
    if (this.writer.length > 0) this.#put(this.writer.take())
    if (octets === undefined) this.#sendQueue()
    else this.#put(octets)
  }

  async send(octets: Uint8Array): Promise<void> {
    this.pass(octets)
    await this.flush()
  }

  #put(octets: Uint8Array): void {
    this.#sinceTurn += octets.length
    this.#sentBytes += octets.length
    this.#queuedBytes += octets.length
    this.#queue.push(octets)
    if (this.#queuedBytes >= sendBytes) this.#sendQueue()
  }

  #sendQueue(): void {
    const queue = this.#queue
    const [first] = queue
    if (first === undefined) return
    this.#queue = []
    this.#queuedBytes = 0
    const session = this.#session
    this.#drained = (queue.length === 1 ? session.write(first) : session.writeAll(queue)) ?? this.#drained
    if (session.settled) this.writer.recycle()
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
      this.#sinceTurn += (row - before) * numbersWeight
      if (writer.length > 0) await this.flush()
    }
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
      this.#sinceTurn += (at - before) * copiedWeight
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
    this.#sinceTurn += this.#weight
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
    this.#sinceTurn += copiedWeight
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
