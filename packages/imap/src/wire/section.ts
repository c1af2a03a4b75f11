/** `BODY[…]`: which octets of a message. RFC 9051 §6.4.5.1. */
import { asciiLower, asciiUpper } from './ascii.ts'
import type { Parser } from './parser.ts'
import { SyntaxFault } from './syntax-fault.ts'

export interface Section {
  /** Part numbers from the root; empty = the whole message. */
  readonly path: readonly number[]
  readonly what: 'all' | 'header' | 'text' | 'mime' | 'fields' | 'fields-not'
  /** Lower case, for `fields` and `fields-not`. */
  readonly names: ReadonlySet<string>
}

export interface Partial {
  readonly start: number
  readonly length: number
}

export const wholeMessage: Section = { path: [], what: 'all', names: new Set() }
export const messageHeader: Section = { path: [], what: 'header', names: new Set() }
export const messageText: Section = { path: [], what: 'text', names: new Set() }

/** As deep as a message's structure is kept. */
const maxPath = 100
/** Names in one HEADER.FIELDS; clients ask for some dozens. */
const maxNames = 500
const whatByName = new Map<string, Section['what']>([
  ['', 'all'],
  ['HEADER', 'header'],
  ['TEXT', 'text'],
  ['MIME', 'mime'],
  ['HEADER.FIELDS', 'fields'],
  ['HEADER.FIELDS.NOT', 'fields-not'],
])

/** Reads `[` section-spec `]`; `label` is how the response names it, brackets included. */
export function section(p: Parser): { readonly section: Section; readonly label: string } {
  p.expect('[')
  const spec = p.name()
  const path = pathOf(spec)
  const what = whatByName.get(textOf(spec, path.length))
  if (what === undefined || (what === 'mime' && path.length === 0))
    throw new SyntaxFault('Invalid BODY[..] section')
  if (what !== 'fields' && what !== 'fields-not') {
    p.expect(']')
    return { section: { path, what, names: new Set() }, label: `[${spec}]` }
  }
  const names = p.sp().nonEmptyList(() => fieldName(p))
  if (names.length > maxNames) throw new SyntaxFault('Too many header field names')
  p.expect(']')
  return {
    section: { path, what, names: new Set(names.map(asciiLower)) },
    label: `[${spec} (${names.map(label).join(' ')})]`,
  }
}

/** `<start.length>`, if it is next. A length of 0 is answered with nothing, as Dovecot does. */
export function partial(p: Parser): Partial | undefined {
  if (!p.accept('<')) return undefined
  const start = p.number64()
  const length = p.expect('.').number64()
  p.expect('>')
  return { start, length }
}

function pathOf(spec: string): number[] {
  const path: number[] = []
  for (const step of spec.split('.')) {
    if (!/^[0-9]+$/.test(step)) break
    const number = Number(step)
    if (step[0] === '0' || number > 0xffff_ffff || path.length === maxPath) {
      throw new SyntaxFault('Invalid BODY[..] section: part number')
    }
    path.push(number)
  }
  return path
}

/** What follows the part numbers, without the period between. */
function textOf(spec: string, pathLength: number): string {
  if (pathLength === 0) return spec
  const steps = spec.split('.')
  const text = steps.slice(pathLength).join('.')
  // `1.` is no section.
  return text === '' && steps.length > pathLength ? '.' : text
}

function fieldName(p: Parser): string {
  const name = p.astring()
  if (!/^[\x21-\x39\x3b-\x7e]+$/.test(name))
    throw new SyntaxFault('Invalid BODY[..] section: header field name')
  return name
}

/** Dovecot sends the names in upper case, and quoted only where it must. */
function label(name: string): string {
  const upper = asciiUpper(name)
  return /^[^(){%*"\\\]]+$/.test(upper) ? upper : `"${upper.replace(/["\\]/g, '\\$&')}"`
}
