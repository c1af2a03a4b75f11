/**
 * What message lists ask of every message, made once after its delivery (see `ListingMaker` of the store): the
 * store's thread loads this module. Column 0: ENVELOPE and BODYSTRUCTURE as they are sent; column 1: the header
 * fields that summaries keep, with a table of what is where.
 */
import { bytesOfOctets, octetsOf, SummaryReader, summaryFlag } from '@posthorn/mail'
import type { MakeListing } from '@posthorn/storage'
import { writeStructure } from '../wire/body-structure.ts'
import { writeEnvelope } from '../wire/envelope.ts'
import { eachField } from '../wire/header-fields.ts'
import { ResponseWriter } from '../wire/response.ts'
import { envelopeAt, fieldEntryBytes, fieldNumbers, maxFields } from './listing-format.ts'

const nothing = Buffer.alloc(0)

export const makeListing: MakeListing = (summary, prefix) => {
  const reader = new SummaryReader()
  reader.open(summary)
  const isPlain = (reader.flags & summaryFlag.nul) === 0
  const hasFields = (reader.flags & summaryFlag.fieldsComplete) !== 0
  const fields = isPlain && hasFields ? fieldTable(Buffer.from(prefix), reader) : nothing
  return [structures(reader), fields]
}

function structures(reader: SummaryReader): Buffer {
  const out = new ResponseWriter()
  out.text('ENVELOPE ')
  reader.toEnvelope()
  writeEnvelope(out, reader)
  const envelopeEnd = out.length
  out.text(' BODYSTRUCTURE ')
  reader.toStructure()
  writeStructure(out, reader, 'body-structure')
  const head = Buffer.alloc(envelopeAt)
  head.writeUInt32LE(envelopeEnd, 0)
  return Buffer.concat([head, out.written(0)])
}

/** Empty when there are more, or longer ones, than the table can say. */
function fieldTable(prefix: Buffer, reader: SummaryReader): Buffer {
  const entries: number[] = []
  const octets: Buffer[] = []
  let fits = true
  const take = (source: Buffer, nameEnd: number, start: number, end: number): void => {
    const number = fieldNumbers.get(octetsOf(source.subarray(start, nameEnd)).toLowerCase())
    if (number === undefined) return
    // The last field of a message that is nothing but a header may have no line end.
    const whole = source[end - 1] === 0x0a
    const lengthBytes = end - start + (whole ? 0 : 2)
    fits &&= lengthBytes <= 0xffff
    entries.push(number, lengthBytes & 0xff, (lengthBytes >> 8) & 0xff)
    octets.push(source.subarray(start, end))
    if (!whole) octets.push(lineEnd)
  }
  eachField(prefix, 0, prefix.length, (nameEnd, start, end) => take(prefix, nameEnd, start, end))
  const { bytes } = reader
  eachField(bytes, reader.fieldsStart, reader.fieldsEnd, (nameEnd, start, end) =>
    take(bytes, nameEnd, start, end),
  )
  const count = entries.length / fieldEntryBytes
  return fits && count <= maxFields
    ? Buffer.concat([Buffer.of(count), Buffer.from(entries), ...octets])
    : nothing
}

const lineEnd = bytesOfOctets('\r\n')
