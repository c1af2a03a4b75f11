/** FETCH's items. RFC 9051 §6.4.5, RFC 3501 §6.4.5 (RFC822.*), RFC 7162 §3.1.4 (MODSEQ, CHANGEDSINCE),
 * RFC 8474 §5.3 (EMAILID, THREADID), RFC 8514 §4.2 (SAVEDATE). */
import type { Parser } from './parser.ts'
import { type PartialRange, partialRange } from './partial-range.ts'
import {
  messageHeader,
  messageText,
  type Partial,
  partial,
  type Section,
  section,
  wholeMessage,
} from './section.ts'
import { SyntaxFault } from './syntax-fault.ts'

export interface SectionItem {
  readonly kind: 'section'
  /** `BODY[1.MIME]<0>`, `RFC822.TEXT`: how the response names it. */
  readonly label: string
  readonly section: Section
  readonly partial?: Partial
  /** Sets \Seen. */
  readonly marks: boolean
}

export interface PlainItem {
  readonly kind:
    | 'uid'
    | 'flags'
    | 'modseq'
    | 'internal-date'
    | 'size'
    | 'envelope'
    | 'body'
    | 'body-structure'
    | 'email-id'
    | 'thread-id'
    | 'save-date'
}

/** RFC 3516 §4.2: a part without its transfer encoding, or its size then. */
export interface BinaryItem {
  readonly kind: 'binary' | 'binary-size'
  /** `BINARY[1]<0>`. */
  readonly label: string
  readonly path: readonly number[]
  /** Of the decoded octets. */
  readonly partial?: Partial
  readonly marks: boolean
}

/** RFC 8970. */
export interface PreviewItem {
  readonly kind: 'preview'
}

/** What has to be made of a message's octets. */
export type DecodedItem = BinaryItem | PreviewItem

export type FetchItem = PlainItem | SectionItem | DecodedItem

export function isDecoded(item: FetchItem): item is DecodedItem {
  return item.kind === 'binary' || item.kind === 'binary-size' || item.kind === 'preview'
}

export interface FetchModifiers {
  /** RFC 7162 §3.1.4.1. */
  readonly changedSince?: number
  /** RFC 7162 §3.2.6: report what vanished since. */
  readonly vanished?: true
  /** RFC 9394 §3.3. */
  readonly partial?: PartialRange
}

const simpleItems = new Map<string, FetchItem>([
  ['UID', { kind: 'uid' }],
  ['FLAGS', { kind: 'flags' }],
  ['MODSEQ', { kind: 'modseq' }],
  ['INTERNALDATE', { kind: 'internal-date' }],
  ['RFC822.SIZE', { kind: 'size' }],
  ['ENVELOPE', { kind: 'envelope' }],
  ['BODYSTRUCTURE', { kind: 'body-structure' }],
  ['EMAILID', { kind: 'email-id' }],
  ['THREADID', { kind: 'thread-id' }],
  ['SAVEDATE', { kind: 'save-date' }],
  ['RFC822', { kind: 'section', label: 'RFC822', section: wholeMessage, marks: true }],
  ['RFC822.HEADER', { kind: 'section', label: 'RFC822.HEADER', section: messageHeader, marks: false }],
  ['RFC822.TEXT', { kind: 'section', label: 'RFC822.TEXT', section: messageText, marks: true }],
])

const fast: readonly FetchItem[] = [{ kind: 'flags' }, { kind: 'internal-date' }, { kind: 'size' }]
const macros = new Map<string, readonly FetchItem[]>([
  ['ALL', [...fast, { kind: 'envelope' }]],
  ['FAST', fast],
  ['FULL', [...fast, { kind: 'envelope' }, { kind: 'body' }]],
])

/** Each is looked for in every message; clients ask for ten or twenty. */
const maxItems = 200

/** One item, a list, or a macro by itself. Items asked for twice are answered once. */
export function fetchItems(p: Parser): readonly FetchItem[] {
  if (p.peek('(')) return withoutRepeats(p.nonEmptyList(() => item(p, p.name())))
  const name = p.name()
  return macros.get(name) ?? [item(p, name)]
}

/** ` (CHANGEDSINCE n VANISHED)`, if it is next. RFC 4466 §2.4. */
export function fetchModifiers(p: Parser): FetchModifiers {
  if (!p.acceptSp()) return {}
  const given: { changedSince?: number; vanished?: true; partial?: PartialRange } = {}
  p.nonEmptyList(() => {
    const name = p.keyword()
    if (name === 'CHANGEDSINCE' && given.changedSince === undefined) given.changedSince = p.sp().number64()
    else if (name === 'VANISHED' && given.vanished === undefined) given.vanished = true
    else if (name === 'PARTIAL' && given.partial === undefined) given.partial = partialRange(p.sp())
    else throw new SyntaxFault('Unknown FETCH modifier')
  })
  if (given.vanished && given.changedSince === undefined) {
    throw new SyntaxFault('VANISHED is given without CHANGEDSINCE')
  }
  return given
}

function item(p: Parser, name: string): FetchItem {
  const simple = simpleItems.get(name)
  if (simple !== undefined) return simple
  if (name === 'BODY' && !p.peek('[')) return { kind: 'body' }
  if ((name === 'BODY' || name === 'BODY.PEEK') && p.peek('[')) return sectionItem(p, name === 'BODY')
  if (binaryItems.has(name) && p.peek('[')) return binaryItem(p, name)
  if (name === 'PREVIEW') return previewItem(p)
  throw new SyntaxFault('Unknown FETCH item')
}

const binaryItems: ReadonlySet<string> = new Set(['BINARY', 'BINARY.PEEK', 'BINARY.SIZE'])

function binaryItem(p: Parser, name: string): BinaryItem {
  const { section: wanted, label } = section(p)
  if (wanted.what !== 'all') throw new SyntaxFault('Invalid BINARY[..] section')
  const { path } = wanted
  if (name === 'BINARY.SIZE') return { kind: 'binary-size', label: `BINARY.SIZE${label}`, path, marks: false }
  const part = partial(p)
  const base: BinaryItem = { kind: 'binary', label: `BINARY${label}`, path, marks: name === 'BINARY' }
  return part === undefined ? base : { ...base, label: `BINARY${label}<${part.start}>`, partial: part }
}

/** `PREVIEW`, `PREVIEW (LAZY)`: ours is made quickly, so both get it. RFC 8970 §3.2. */
function previewItem(p: Parser): PreviewItem {
  if (p.acceptText(' (LAZY)')) return { kind: 'preview' }
  if (p.acceptText(' (')) throw new SyntaxFault('Unknown PREVIEW modifier')
  return { kind: 'preview' }
}

function sectionItem(p: Parser, marks: boolean): SectionItem {
  const { section: wanted, label } = section(p)
  const part = partial(p)
  const base: SectionItem = { kind: 'section', label: `BODY${label}`, section: wanted, marks }
  return part === undefined ? base : { ...base, label: `BODY${label}<${part.start}>`, partial: part }
}

function withoutRepeats(items: readonly FetchItem[]): readonly FetchItem[] {
  if (items.length > maxItems) throw new SyntaxFault('Too many FETCH items')
  const seen = new Set<string>()
  return items.filter((item) => {
    const key = 'label' in item ? `${item.label} ${item.marks} ${item.partial?.length}` : item.kind
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}
