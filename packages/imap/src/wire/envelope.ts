import type { SummaryReader } from '@posthorn/mail'
import type { ResponseWriter } from './response.ts'
import { writeSummaryString } from './summary-string.ts'

/** ENVELOPE from the reader's cursor, which stands at one. RFC 9051 §7.5.2. */
export function writeEnvelope(out: ResponseWriter, reader: SummaryReader): void {
  out.text('(')
  writeSummaryString(out, reader)
  out.text(' ')
  writeSummaryString(out, reader)
  const fromStart = out.length
  writeAddresses(out, reader, fromStart, fromStart)
  const fromEnd = out.length
  // Sender, Reply-To (as From when absent), To, Cc, Bcc.
  for (let field = 0; field < 5; field++) writeAddresses(out, reader, fromStart, fromEnd)
  out.text(' ')
  writeSummaryString(out, reader)
  out.text(' ')
  writeSummaryString(out, reader)
  out.text(')')
}

function writeAddresses(
  out: ResponseWriter,
  reader: SummaryReader,
  fromStart: number,
  fromEnd: number,
): void {
  const count = reader.addresses()
  if (count === 'as-from') {
    out.repeat(fromStart, fromEnd)
    return
  }
  if (count === 0) {
    out.text(' NIL')
    return
  }
  out.text(' (')
  const { hasRoutes } = reader
  for (let entry = 0; entry < count; entry++) {
    out.text('(')
    writeSummaryString(out, reader)
    if (hasRoutes) {
      out.text(' ')
      writeSummaryString(out, reader)
      out.text(' ')
    } else out.text(' NIL ')
    writeSummaryString(out, reader)
    out.text(' ')
    writeSummaryString(out, reader)
    out.text(')')
  }
  out.text(')')
}
