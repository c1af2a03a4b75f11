import type { MultipartPart, Parameter, Part } from '@posthorn/mail'
import { writeEnvelope } from './envelope.ts'
import type { ResponseWriter } from './response.ts'

/** BODY leaves the extension data out. */
export type StructureForm = 'body' | 'body-structure'

/** RFC 9051 §7.5.2, body. Recursion is bounded by the depth to which structures are kept (100). */
export function writeStructure(out: ResponseWriter, part: Part, form: StructureForm): void {
  out.text('(')
  if (part.kind === 'multipart') writeMultipart(out, part, form)
  else writeSinglePart(out, part, form)
  out.text(')')
}

function writeMultipart(out: ResponseWriter, part: MultipartPart, form: StructureForm): void {
  for (const child of part.children) writeStructure(out, child, form)
  out.text(' ').string(part.subtype)
  if (form === 'body') return
  out.text(' ')
  writeParameters(out, part.parameters)
  writeExtensions(out, part)
}

function writeSinglePart(out: ResponseWriter, part: Exclude<Part, MultipartPart>, form: StructureForm): void {
  out.string(part.type).text(' ').string(part.subtype).text(' ')
  writeParameters(out, part.kind === 'text' ? withCharset(part.parameters) : part.parameters)
  out.text(' ').nstring(part.id).text(' ').nstring(part.description).text(' ').string(part.encoding)
  out.text(' ').number(part.bodyEnd - part.bodyStart)
  if (part.kind === 'message') {
    out.text(' ')
    writeEnvelope(out, part.envelope)
    out.text(' ')
    writeStructure(out, part.content, form)
  }
  if (part.kind !== 'other') out.text(' ').number(part.lines)
  if (form === 'body') return
  out.text(' ').nstring(part.md5)
  writeExtensions(out, part)
}

/** body-fld-dsp, body-fld-lang, body-fld-loc. */
function writeExtensions(out: ResponseWriter, { disposition, languages, location }: Part): void {
  if (disposition === undefined) out.text(' NIL ')
  else {
    out.text(' (').string(disposition.type).text(' ')
    writeParameters(out, disposition.parameters)
    out.text(') ')
  }
  if (languages.length < 2) out.nstring(languages[0])
  else {
    languages.forEach((language, index) => {
      out.text(index === 0 ? '(' : ' ').string(language)
    })
    out.text(')')
  }
  out.text(' ').nstring(location)
}

function writeParameters(out: ResponseWriter, parameters: readonly Parameter[]): void {
  if (parameters.length === 0) {
    out.text('NIL')
    return
  }
  parameters.forEach(([name, value], index) => {
    out
      .text(index === 0 ? '(' : ' ')
      .string(name)
      .text(' ')
      .string(value)
  })
  out.text(')')
}

const defaultCharset: Parameter = ['charset', 'us-ascii']

/** RFC 2045 §5.2: text without a charset is US-ASCII; Dovecot says so, and clients expect it. */
function withCharset(parameters: readonly Parameter[]): readonly Parameter[] {
  return parameters.some(([name]) => name === 'charset') ? parameters : [...parameters, defaultCharset]
}
