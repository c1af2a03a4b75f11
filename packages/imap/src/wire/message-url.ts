/** URLs of messages and their parts on this server. RFC 5092 §6, as CATENATE has them (RFC 4469 §2). */
import { asciiUpper } from './ascii.ts'
import { canonicalName } from './mailbox-name.ts'
import { Parser } from './parser.ts'
import { type Partial, type Section, section, wholeMessage } from './section.ts'
import { SyntaxFault } from './syntax-fault.ts'

export interface MessageUrl {
  /** undefined: the selected one. */
  readonly mailbox: string | undefined
  readonly uidValidity: number | undefined
  readonly uid: number
  readonly section: Section
  /** URL-PARTIAL: RFC 5550 §3.1. */
  readonly partial: Partial | undefined
}

/** `/INBOX;UIDVALIDITY=1/;UID=2/;SECTION=1.2/;PARTIAL=0.100`; undefined when it names no message of ours. */
export function parseMessageUrl(url: string): MessageUrl | undefined {
  const parts = url.split('/;')
  // Relative to the selected mailbox.
  const head = url.startsWith(';') ? undefined : parts.shift()
  if (parts.length > 0 && head === undefined) parts[0] = parts[0]!.slice(1)
  const fields = new Map<string, string>()
  for (const part of parts) {
    const equals = part.indexOf('=')
    const name = asciiUpper(part.slice(0, Math.max(equals, 0)))
    if (!fieldNames.has(name) || fields.has(name)) return undefined
    fields.set(name, part.slice(equals + 1))
  }
  const place = head === undefined || head === '' ? noPlace : mailboxOf(head)
  const uid = number(fields.get('UID'))
  const wanted = sectionOf(fields.get('SECTION'))
  const partial = partialOf(fields.get('PARTIAL'))
  if (place === undefined || uid === undefined || uid === 0 || wanted === undefined || partial === 'wrong')
    return undefined
  return { ...place, uid, section: wanted, partial }
}

const fieldNames: ReadonlySet<string> = new Set(['UID', 'SECTION', 'PARTIAL'])

interface Place {
  readonly mailbox: string | undefined
  readonly uidValidity: number | undefined
}

const noPlace: Place = { mailbox: undefined, uidValidity: undefined }

/** `/name;UIDVALIDITY=n`, percent-encoded UTF-8. Other servers' URLs begin with a scheme and are not ours. */
function mailboxOf(head: string): Place | undefined {
  if (!head.startsWith('/') || head.startsWith('//')) return undefined
  const [encoded = '', validity, ...rest] = head.slice(1).split(';')
  const name = canonicalName(decoded(encoded) ?? '')
  if (name === undefined || name === '' || rest.length > 0) return undefined
  if (validity === undefined) return { mailbox: name, uidValidity: undefined }
  const [key, value] = validity.split('=', 2)
  const uidValidity = number(value)
  if (asciiUpper(key!) !== 'UIDVALIDITY' || uidValidity === undefined) return undefined
  return { mailbox: name, uidValidity }
}

function sectionOf(encoded: string | undefined): Section | undefined {
  if (encoded === undefined) return wholeMessage
  const text = decoded(encoded)
  if (text === undefined) return undefined
  const p = new Parser({ text: Buffer.from(`[${text}]`), literals: [] })
  try {
    const found = section(p).section
    return p.atEnd ? found : undefined
  } catch (error) {
    if (error instanceof SyntaxFault) return undefined
    throw error
  }
}

function partialOf(text: string | undefined): Partial | undefined | 'wrong' {
  if (text === undefined) return undefined
  const [first, second, ...rest] = text.split('.')
  const start = number(first)
  const length = second === undefined ? Number.MAX_SAFE_INTEGER : number(second)
  return start === undefined || length === undefined || rest.length > 0 ? 'wrong' : { start, length }
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9]{1,10}$/.test(text) ? Number(text) : undefined
}

function decoded(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}
