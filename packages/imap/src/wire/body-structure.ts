import { extension, type SummaryReader } from '@posthorn/mail'
import { writeEnvelope } from './envelope.ts'
import type { ResponseWriter } from './response.ts'
import { writeRead, writeSummaryString } from './summary-string.ts'

/** BODY leaves the extension data out. */
export type StructureForm = 'body' | 'body-structure'

/**
 * The part at the reader's cursor. RFC 9051 §7.5.2, body. Recursion is bounded by the depth to which
 * structures are kept (100).
 */
export function writeStructure(out: ResponseWriter, reader: SummaryReader, form: StructureForm): void {
  reader.part()
  out.text('(')
  if (reader.kind === 'multipart') writeMultipart(out, reader, form)
  else writeSinglePart(out, reader, form)
  out.text(')')
}

function writeMultipart(out: ResponseWriter, reader: SummaryReader, form: StructureForm): void {
  const { extensions } = reader
  for (let count = reader.number(); count > 0; count--) writeStructure(out, reader, form)
  out.text(' ')
  writeSummaryString(out, reader)
  if (form === 'body') {
    reader.skipParameters()
    reader.skipExtensions(extensions)
    return
  }
  out.text(' ')
  writeParameters(out, reader, 'as-given')
  writeExtensions(out, reader, extensions)
}

function writeSinglePart(out: ResponseWriter, reader: SummaryReader, form: StructureForm): void {
  const { kind, extensions, bodyBytes, lines } = reader
  writeSummaryString(out, reader)
  out.text(' ')
  writeSummaryString(out, reader)
  out.text(' ')
  writeParameters(out, reader, kind === 'text' ? 'with-charset' : 'as-given')
  writeOptional(out, reader, extensions & extension.id)
  writeOptional(out, reader, extensions & extension.description)
  out.text(' ')
  writeSummaryString(out, reader)
  out.text(' ').number(bodyBytes)
  if (kind === 'message') {
    reader.number()
    out.text(' ')
    writeEnvelope(out, reader)
    out.text(' ')
    writeStructure(out, reader, form)
  }
  if (kind !== 'other') out.text(' ').number(lines)
  if (form === 'body') {
    if ((extensions & extension.md5) !== 0) reader.skipString()
    reader.skipExtensions(extensions)
    return
  }
  writeOptional(out, reader, extensions & extension.md5)
  writeExtensions(out, reader, extensions)
}

/** body-fld-dsp, body-fld-lang, body-fld-loc. */
function writeExtensions(out: ResponseWriter, reader: SummaryReader, extensions: number): void {
  if ((extensions & extension.disposition) === 0) out.text(' NIL')
  else {
    out.text(' (')
    writeSummaryString(out, reader)
    out.text(' ')
    writeParameters(out, reader, 'as-given')
    out.text(')')
  }
  const languages = (extensions & extension.languages) === 0 ? 0 : reader.number()
  if (languages === 0) out.text(' NIL')
  for (let index = 0; index < languages; index++) {
    out.text(languages > 1 && index === 0 ? ' (' : ' ')
    writeSummaryString(out, reader)
  }
  if (languages > 1) out.text(')')
  writeOptional(out, reader, extensions & extension.location)
}

function writeOptional(out: ResponseWriter, reader: SummaryReader, present: number): void {
  if (present === 0) {
    out.text(' NIL')
    return
  }
  out.text(' ')
  writeSummaryString(out, reader)
}

/**
 * `with-charset`: RFC 2045 §5.2: text without a charset is US-ASCII; Dovecot says so, and clients expect it.
 */
function writeParameters(
  out: ResponseWriter,
  reader: SummaryReader,
  form: 'as-given' | 'with-charset',
): void {
  let open = '('
  let hasCharset = form === 'as-given'
  for (let count = reader.number(); count > 0; count--) {
    out.text(open)
    open = ' '
    reader.string()
    hasCharset ||= isCharset(reader)
    writeRead(out, reader)
    out.text(' ')
    writeSummaryString(out, reader)
  }
  if (!hasCharset) out.text(open).text('"charset" "us-ascii")')
  else out.text(open === '(' ? 'NIL' : ')')
}

const charset = Buffer.from('charset')

function isCharset({ source, start, end }: SummaryReader): boolean {
  if (end - start !== charset.length) return false
  for (let at = 0; at < charset.length; at++) if (source[start + at] !== charset[at]) return false
  return true
}
