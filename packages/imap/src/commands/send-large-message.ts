import { createTransferDecoder } from '@posthorn/mail'
import { PieceMemory } from '@posthorn/net'
import type { Uid } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import { type DecodedItem, isDecoded, type SectionItem } from '../wire/fetch-items.ts'
import type { Partial } from '../wire/section.ts'
import { type DecodedSource, decodedSource, writeSource } from './decoded-items.ts'
import type { FetchOutput, FetchRow } from './fetch-output.ts'
import type { FieldSelections } from './field-selections.ts'
import { asBuffer } from './message-view.ts'
import {
  type OctetRange,
  octetRange,
  selectsFields,
  withoutNul,
  writeFields,
  writeOctets,
} from './section-octets.ts'

/** In memory at a time for each session that fetches something large. */
const pieceBytes = 256 * 1024
const noOctets = Buffer.alloc(0)

/**
 * One message whose octets are read piece by piece, and only those asked for. False when it is gone: then
 * nothing of it was sent.
 */
export async function sendLargeMessage(
  session: SelectedSession,
  output: FetchOutput,
  row: FetchRow,
  sequence: number,
  selections: FieldSelections,
): Promise<boolean> {
  await output.flush()
  const sender = new LargeMessage(session, output, row)
  output.openMessage(row, sequence)
  for (const [index, item] of output.items.entries()) {
    if (index > 0) output.writer.text(' ')
    if (isDecoded(item)) {
      if (!(await sender.decoded(item))) return false
    } else if (item.kind !== 'section') output.writeItem(item, row)
    else if (!(await sender.section(item, selections))) return false
  }
  output.closeMessage()
  return true
}

class LargeMessage {
  readonly #session: SelectedSession
  readonly #output: FetchOutput
  readonly #row: FetchRow
  /** Some of it was sent: what is missing cannot be taken back. */
  #begun = false

  constructor(session: SelectedSession, output: FetchOutput, row: FetchRow) {
    this.#session = session
    this.#output = output
    this.#row = row
  }

  /** False when the message is gone, and nothing of it was sent. */
  async section(item: SectionItem, selections: FieldSelections): Promise<boolean> {
    const { writer } = this.#output
    const { message } = this.#row
    const range = octetRange(item, message, message.prefix.length)
    if (range === undefined || range.start >= range.end) {
      writer.text(item.label).text(' ')
      writeOctets(this.#output, range && noOctets, 'no-nul')
      return true
    }
    const firstEnd = selectsFields(item) ? range.end : Math.min(range.end, range.start + pieceBytes)
    const first = await this.#read(range.start, firstEnd)
    if (first === undefined) return this.#gone()
    writer.text(item.label).text(' ')
    if (selectsFields(item)) {
      const selection = selections.of(item)
      selection.add(first, 0, first.length)
      writeFields(writer, selection, item.partial, message.nul)
    } else if (firstEnd === range.end) writeOctets(this.#output, first, message.nul)
    else await this.#pieces(first, range)
    return true
  }

  /** As `section`, for what has to be decoded: in pieces, once for its size and once to be sent. */
  async decoded(item: DecodedItem): Promise<boolean> {
    const { message } = this.#row
    const source = decodedSource(item, message)
    const { writer } = this.#output
    if (source === undefined || item.kind === 'preview') {
      const octets = source && (await this.#read(source.start, source.end))
      if (source !== undefined && octets === undefined) return this.#gone()
      writeSource(writer, item, source, octets)
      return true
    }
    let sizeBytes = 0
    let hasNul = false
    for await (const piece of this.#decodedPieces(source)) {
      if (piece === undefined) return this.#gone()
      sizeBytes += piece.length
      hasNul ||= piece.includes(0)
    }
    writer.text(item.label).text(' ')
    if (item.kind === 'binary-size') writer.number(sizeBytes)
    else await this.#sendDecoded(item.partial, source, { sizeBytes, hasNul })
    return true
  }

  async #sendDecoded(
    partial: Partial | undefined,
    source: DecodedSource,
    { sizeBytes, hasNul }: { readonly sizeBytes: number; readonly hasNul: boolean },
  ): Promise<void> {
    const { writer } = this.#output
    const from = Math.min(partial?.start ?? 0, sizeBytes)
    const to = Math.min(from + (partial?.length ?? sizeBytes), sizeBytes)
    writer.text(hasNul ? '~' : '').literalStart(to - from)
    await this.#output.flush()
    this.#begun = true
    let at = 0
    for await (const piece of this.#decodedPieces(source)) {
      if (piece === undefined) throw this.#broken()
      const wanted = piece.subarray(Math.max(0, from - at), Math.max(0, to - at))
      if (wanted.length > 0) await this.#output.send(wanted)
      at += piece.length
      if (at >= to || this.#session.gone) return
    }
  }

  /** undefined when the message is gone. */
  async *#decodedPieces({ start, end, encoding }: DecodedSource): AsyncGenerator<Uint8Array | undefined> {
    const decoder = createTransferDecoder(encoding)
    for (let at = start; at < end; at += pieceBytes) {
      const piece = await this.#read(at, Math.min(end, at + pieceBytes))
      yield piece && decoder.push(piece)
      if (piece === undefined) return
    }
    yield decoder.finish()
  }

  async #pieces(first: Buffer, { start, end }: OctetRange): Promise<void> {
    const { writer } = this.#output
    const nul = this.#row.message.nul
    writer.literalStart(end - start)
    await this.#output.flush()
    this.#begun = true
    const memories = new PieceMemory(this.#session, pieceBytes)
    let memory = first
    let piece = first
    for (let at = start; ; ) {
      await this.#output.send(nul === 'no-nul' ? piece : withoutNul(piece))
      memories.passed(memory, piece.length)
      at += piece.length
      if (at >= end || this.#session.gone) return
      memory = memories.take()
      const next = await this.#read(at, Math.min(end, at + pieceBytes), memory)
      if (next === undefined) throw this.#broken()
      piece = next
    }
  }

  async #read(start: number, end: number, into?: Buffer): Promise<Buffer | undefined> {
    const { store, mailbox } = this.#session
    const octets = await store.messages.read(mailbox.id, this.#row.uid as Uid, start, end, into)
    return octets === undefined || octets.length !== end - start ? undefined : asBuffer(octets)
  }

  #gone(): false {
    if (this.#begun) throw this.#broken()
    this.#output.writer.rewind(0)
    return false
  }

  /** A literal was promised and cannot be ended: what followed could not be told from its octets. */
  #broken(): Error {
    this.#session.logout()
    return new Error('Message was removed while it was being sent')
  }
}
