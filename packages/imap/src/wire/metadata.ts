/** Entries and their values. RFC 5464 §3.2, §5. */
import { annotationLimits } from '@posthorn/storage'
import type { Parser } from './parser.ts'
import type { ResponseWriter } from './response.ts'
import { SyntaxFault } from './syntax-fault.ts'

/** `/shared/comment`: `comment` is the store's, in lower case and with its slash. */
export interface MetadataEntry {
  readonly scope: 'shared' | 'private'
  /** `/comment`; '' for all that is shared, or private. */
  readonly name: string
}

export interface EntryValue {
  readonly entry: MetadataEntry
  readonly value: Buffer | undefined
}

const maxEntries = 200

/** One, or several in parentheses. The parentheses may be left out, as in the examples of RFC 5464 §4.4.1. */
export function metadataEntries(p: Parser): readonly MetadataEntry[] {
  const entries = p.peek('(') ? p.nonEmptyList(() => metadataEntry(p)) : [metadataEntry(p)]
  while (p.acceptSp()) entries.push(metadataEntry(p))
  if (entries.length > maxEntries) throw new SyntaxFault(`Expected at most ${maxEntries} entries`)
  return entries
}

/** For LIST's RETURN, where an option may follow. */
export function metadataEntryList(p: Parser): readonly MetadataEntry[] {
  return p.peek('(') ? p.nonEmptyList(() => metadataEntry(p)) : [metadataEntry(p)]
}

/** @throws SyntaxFault RFC 5464 §3.2 */
export function metadataEntry(p: Parser): MetadataEntry {
  const text = p.astringOctets().toString('latin1').toLowerCase()
  const match = /^\/(shared|private)((?:\/[^/]+)*)$/.exec(text)
  if (match === null || /[^\x20-\x7e]|[*%]/.test(text) || text.length > annotationLimits.nameBytes)
    throw new SyntaxFault('Invalid metadata entry')
  return { scope: match[1] as MetadataEntry['scope'], name: match[2] ?? '' }
}

/** `(entry value …)` of SETMETADATA. */
export function entryValues(p: Parser): readonly EntryValue[] {
  return p.nonEmptyList(() => {
    const entry = metadataEntry(p)
    // RFC 5464 §3.2: two components at least, four below a vendor's name.
    const depth = entry.name.split('/').length - 1
    if (depth === 0 || (/^\/vendor(\/|$)/.test(entry.name) && depth < 3))
      throw new SyntaxFault('Invalid metadata entry')
    return { entry, value: p.sp().nstring8() }
  })
}

export interface GetMetadataOptions {
  readonly maxSizeBytes: number | undefined
  readonly depth: 0 | 1 | 'infinity'
}

/** RFC 5464 §4.2.1, §4.2.2. */
export function getMetadataOptions(p: Parser): GetMetadataOptions {
  let maxSizeBytes: number | undefined
  let depth: GetMetadataOptions['depth'] = 0
  p.nonEmptyList(() => {
    const option = p.keyword()
    if (option === 'MAXSIZE') maxSizeBytes = p.sp().number()
    else if (option === 'DEPTH') depth = depthOf(p.sp().keyword())
    else throw new SyntaxFault('Unknown option')
  })
  return { maxSizeBytes, depth }
}

function depthOf(word: string): GetMetadataOptions['depth'] {
  if (word === '0') return 0
  if (word === '1') return 1
  if (word === 'INFINITY') return 'infinity'
  throw new SyntaxFault('Expected DEPTH 0, 1 or infinity')
}

export function entryText({ scope, name }: MetadataEntry): string {
  return `/${scope}${name}`
}

/** Atom where it is one. */
export function writeEntry(out: ResponseWriter, text: string): ResponseWriter {
  return /^[\w./-]+$/.test(text) ? out.text(text) : out.text(`"${text.replace(/["\\]/g, '\\$&')}"`)
}

/** NIL, quoted, literal, or literal8 where there is a NUL. */
export function writeValue(out: ResponseWriter, value: Uint8Array | undefined): ResponseWriter {
  if (value === undefined) return out.text('NIL')
  if (value.length <= 1000 && value.every((octet) => octet >= 0x20 && octet < 0x7f))
    return out.text(`"${Buffer.from(value).toString('latin1').replace(/["\\]/g, '\\$&')}"`)
  const eight = value.includes(0) ? '~' : ''
  return out.text(`${eight}{${value.length}}\r\n`).octets(value)
}
