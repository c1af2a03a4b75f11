import { trimBlanks, unfold } from './header.ts'
import type { OctetString } from './octets.ts'
import { parseParameters } from './parameters.ts'
import type { Disposition, Parameter } from './structure.ts'

/** What the Content-* fields of one part say. RFC 2045, RFC 2183, RFC 3282, RFC 2557. */
export interface ContentFields {
  readonly type: OctetString
  readonly subtype: OctetString
  readonly parameters: readonly Parameter[]
  readonly encoding: OctetString
  readonly id: OctetString | undefined
  readonly description: OctetString | undefined
  readonly md5: OctetString | undefined
  readonly disposition: Disposition | undefined
  readonly languages: readonly OctetString[]
  readonly location: OctetString | undefined
}

/** Raw values of the fields by lower-case name, the first of each. */
export type RawFields = ReadonlyMap<string, OctetString>

export const contentFieldNames: ReadonlySet<string> = new Set([
  'content-type',
  'content-transfer-encoding',
  'content-id',
  'content-description',
  'content-md5',
  'content-disposition',
  'content-language',
  'content-location',
])

const maxLanguages = 100
const usAscii: readonly Parameter[] = [['charset', 'us-ascii']]

export const readContentFields = (fields: RawFields, parentSubtype: OctetString): ContentFields => {
  const encoding = fields.get('content-transfer-encoding')
  const disposition = fields.get('content-disposition')
  const language = fields.get('content-language')
  return {
    ...readMediaType(fields.get('content-type'), parentSubtype),
    encoding: (encoding === undefined ? '' : token(parseParameters(encoding).value).toLowerCase()) || '7bit',
    id: textField(fields.get('content-id')),
    description: textField(fields.get('content-description')),
    md5: textField(fields.get('content-md5')),
    disposition: disposition === undefined ? undefined : readDisposition(disposition),
    languages: language === undefined ? [] : readLanguages(language),
    location: textField(fields.get('content-location')),
  }
}

/** RFC 2045 §5.2: text/plain when absent or broken; in a digest message/rfc822 when absent (RFC 2046 §5.1.5). */
const readMediaType = (
  field: OctetString | undefined,
  parentSubtype: OctetString,
): Pick<ContentFields, 'type' | 'subtype' | 'parameters'> => {
  if (field === undefined && parentSubtype === 'digest') {
    return { type: 'message', subtype: 'rfc822', parameters: [] }
  }
  if (field !== undefined) {
    const { value, parameters } = parseParameters(field)
    const slash = value.indexOf('/')
    const type = token(value.slice(0, slash)).toLowerCase()
    const subtype = token(value.slice(slash + 1)).toLowerCase()
    if (slash > 0 && type !== '' && subtype !== '') return { type, subtype, parameters }
    // As mail was before MIME had subtypes (RFC 1049); the charset is worth having.
    if (/^text\/?$/i.test(value)) return { type: 'text', subtype: 'plain', parameters }
  }
  return { type: 'text', subtype: 'plain', parameters: usAscii }
}

/** RFC 2045 §5.1: what stands after it (`text/plain, x`) is an error of the sender. */
const token = (text: OctetString): OctetString => /^[^\s/,;<>@"()[\]?=]*/.exec(trimBlanks(text))?.[0] ?? ''

const textField = (field: OctetString | undefined): OctetString | undefined =>
  field === undefined ? undefined : unfold(field) || undefined

const readDisposition = (field: OctetString): Disposition | undefined => {
  const { value, parameters } = parseParameters(field)
  const type = token(value.replaceAll('"', '')).toLowerCase()
  return type === '' ? undefined : { type, parameters }
}

const readLanguages = (field: OctetString): readonly OctetString[] =>
  parseParameters(field)
    .value.split(',', maxLanguages)
    .map(trimBlanks)
    .filter((tag) => tag !== '')
