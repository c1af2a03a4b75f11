import type { SummaryReader } from '@posthorn/mail'
import type { ResponseWriter } from './response.ts'

/** The string at the reader's cursor as nstring. */
export function writeSummaryString(out: ResponseWriter, reader: SummaryReader): void {
  reader.string()
  writeRead(out, reader)
}

/** The string that the reader read last. */
export function writeRead(out: ResponseWriter, reader: SummaryReader): void {
  if (reader.form === 'plain') out.text('"').span(reader.source, reader.start, reader.end).text('"')
  else if (reader.form === undefined) out.text('NIL')
  else out.string(reader.source.toString('latin1', reader.start, reader.end))
}
