import { bytesOfOctets } from '@posthorn/mail'
import type { Uid } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import type { SectionItem } from '../wire/fetch-items.ts'
import type { FetchOutput, FetchRow } from './fetch-output.ts'
import { type OctetRange, octetRange, selects, withoutNul, writeSection } from './section-octets.ts'

/** In memory at a time for each session that fetches something large. */
const pieceBytes = 256 * 1024

/**
 * One message whose octets are read piece by piece, and only those asked for. False when it is gone: then
 * nothing of it was sent.
 */
export async function sendLargeMessage(
  session: SelectedSession,
  output: FetchOutput,
  row: FetchRow,
  sequence: number,
  prefixBytes: number,
): Promise<boolean> {
  const { writer } = output
  await output.flush()
  output.openMessage(row, sequence)
  let sent = false
  for (const [index, item] of output.items.entries()) {
    if (index > 0) writer.text(' ')
    if (item.kind !== 'section') {
      output.writeItem(item, row)
      continue
    }
    const range = octetRange(item, row.summary!, prefixBytes)
    if (range === undefined || range.start === range.end) {
      writeSection(writer, item, range && bytesOfOctets(''), 'no-nul')
      continue
    }
    const found = await sendSection(session, output, item, row, range)
    if (found) {
      sent = true
      continue
    }
    if (sent || session.gone) throw broken(session)
    writer.take()
    return false
  }
  output.closeMessage()
  return true
}

/** False when the message is gone before its first octet was sent. */
async function sendSection(
  session: SelectedSession,
  output: FetchOutput,
  item: SectionItem,
  { uid, summary }: FetchRow,
  { start, end }: OctetRange,
): Promise<boolean> {
  const { messages } = session.store
  const mailbox = session.mailbox.id
  const firstEnd = selects(item) ? end : Math.min(end, start + pieceBytes)
  const first = await messages.read(mailbox, uid as Uid, start, firstEnd)
  if (first === undefined) return false
  const nul = summary!.octetKinds.nul
  if (firstEnd === end) {
    writeSection(output.writer, item, asBuffer(first), nul ? 'may-have-nul' : 'no-nul')
    return true
  }
  output.writer
    .text(item.label)
    .text(' ')
    .literalStart(end - start)
  await output.flush()
  let piece: Uint8Array | undefined = first
  for (let at = start; ; ) {
    await output.send(nul ? withoutNul(asBuffer(piece)) : piece)
    at += piece.length
    if (at >= end || session.gone) return true
    piece = await messages.read(mailbox, uid as Uid, at, Math.min(end, at + pieceBytes))
    if (piece === undefined || piece.length === 0) throw broken(session)
  }
}

/** A literal was promised and cannot be ended: nothing that follows could be told from its octets. */
function broken(session: SelectedSession): Error {
  session.logout()
  return new Error('Message was removed while it was being sent')
}

function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.isBuffer(octets) ? octets : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
}
