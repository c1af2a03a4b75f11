/** SEARCH's keys → the store's neutral tree. RFC 9051 §6.4.4, RFC 3501 §6.4.4, RFC 5032, RFC 7162,
 * RFC 8474 §6, RFC 8514, FUZZY RFC 6203, FILTER RFC 5466. */
import { isUtf8 } from 'node:buffer'
import { decodeCharset, knowsCharset } from '@posthorn/mail'
import { type ModSeq, type SearchCriteria, systemFlag } from '@posthorn/storage'
import { asciiLower, asciiUpper } from './ascii.ts'
import { dayMs } from './date-time.ts'
import type { NumberSet } from './number-set.ts'
import { conversationOfThread, messageIdOf } from './object-id.ts'
import { Parser } from './parser.ts'
import { SyntaxFault } from './syntax-fault.ts'
import { undefinedFilter } from './undefined-filter.ts'

type UidRanges = readonly (readonly [number, number])[]

/** What numbers and times mean in the session that asks. */
export interface SearchScope {
  /** UIDs of messages by sequence number; what lies beyond the mailbox is left out. */
  sequenceRanges(set: NumberSet): UidRanges
  uidRanges(set: NumberSet): UidRanges
  recentRanges(): UidRanges
  readonly nowMs: number
  /**
   * The keys of a stored filter; throws when there is none of the name. Absent: filters are only noticed, and the
   * program has to be read again.
   */
  filter?(name: string): string
}

export interface SearchProgram {
  /** undefined: the charset is not known, or strings are not in it (BADCHARSET). */
  readonly criteria: SearchCriteria | undefined
  /** MODSEQ was among the keys: the answer tells the highest one (RFC 7162 §3.1.5). */
  readonly usesModSeq: boolean
  /** FUZZY was: found messages have scores (RFC 6203 §4). */
  readonly usesFuzzy: boolean
  /**
   * FILTER was, and `SearchScope.filter` is absent: what was read is not what is meant. Of keys in an unknown charset:
   * FILTER is among them.
   */
  readonly lacksFilters: boolean
}

/** Answered with BADCHARSET, in this order; others that Node or libmime know are understood too. */
export const searchCharsets = ['US-ASCII', 'UTF-8'] as const

/** Strings in a charset that nobody knows are read for their length only. */
const anyOctets = 'iso-8859-1'
/** Of NOT, OR and parentheses within each other. Chains `OR a OR b OR c …` count once. */
const maxDepth = 200
/** Each looks for its words in whole texts, letter by letter. */
const maxFuzzyKeys = 32
/** Filters within filters: at least 3 (RFC 5466 §3.1). */
const maxFilterDepth = 10
const never: SearchCriteria = { kind: 'not', of: { kind: 'all' } }
const earliest = Number.MIN_SAFE_INTEGER
const latest = Number.MAX_SAFE_INTEGER

/** `[CHARSET name SP] key *(SP key)`. */
export function searchProgram(
  p: Parser,
  scope: SearchScope,
  allowed: 'charset' | 'no charset' = 'charset',
): SearchProgram {
  if (!p.acceptText('CHARSET ')) return searchKeys(p, scope)
  // RFC 6855 §3.
  if (allowed === 'no charset') throw new SyntaxFault('CHARSET is given though UTF8=ACCEPT is enabled')
  p.acceptSp()
  return charsetProgram(p, scope)
}

/** `charset SP key *(SP key)`, as SORT and THREAD have it. RFC 5256 §5. */
export function charsetProgram(p: Parser, scope: SearchScope): SearchProgram {
  const charset = asciiUpper(p.astring())
  if (searchCharsets.some((known) => known === charset)) return searchKeys(p.sp(), scope)
  const isKnown = knowsCharset(charset)
  // What is no search is BAD in every charset.
  const program = searchKeys(p.sp(), scope, isKnown ? charset : anyOctets)
  // Filters are in UTF-8, and RFC 5466 §3.1 wants no other charset beside them.
  return isKnown && !program.lacksFilters ? program : { ...program, criteria: undefined }
}

const nowhere: SearchScope = {
  sequenceRanges: () => [],
  uidRanges: () => [],
  recentRanges: () => [],
  nowMs: 0,
}

/** Reads a filter for its faults only. RFC 5466 §3.2. @throws SyntaxFault */
export function checkFilter(keys: Uint8Array): void {
  const p = new Parser({ text: Buffer.from(keys), literals: [] })
  if (searchKeys(p, nowhere).criteria === undefined) throw new SyntaxFault('Expected UTF-8')
  p.end()
}

function searchKeys(p: Parser, scope: SearchScope, charset = ''): SearchProgram {
  const reader = new KeyReader(p, scope, charset)
  const keys = [reader.key(0)]
  while (p.acceptSp()) keys.push(reader.key(0))
  const { usesModSeq, usesFuzzy, lacksFilters, isUndecodable } = reader
  return { criteria: isUndecodable ? undefined : all(keys), usesModSeq, usesFuzzy, lacksFilters }
}

class KeyReader {
  #p: Parser
  readonly #scope: SearchScope
  usesModSeq = false
  usesFuzzy = false
  lacksFilters = false
  /** A string is in no charset that was named. */
  isUndecodable = false
  /** Within FUZZY. */
  #fuzzy = false
  #fuzzyKeys = 0
  /** Filters that are being read, each within the one before. */
  readonly #filters: string[] = []

  /** Of strings; '' = UTF-8. */
  readonly #charset: string

  constructor(p: Parser, scope: SearchScope, charset: string) {
    this.#p = p
    this.#scope = scope
    this.#charset = charset
  }

  key(depth: number): SearchCriteria {
    const p = this.#p
    if (depth > maxDepth) throw new SyntaxFault('Search keys are nested too deep')
    if (p.peek('(')) return all(p.nonEmptyList(() => this.key(depth + 1)))
    if (p.atNumberSet) return uids(this.#scope.sequenceRanges(p.numberSet()))
    const name = p.keyword()
    switch (name) {
      case 'NOT':
        return not(this.#after(() => this.key(depth + 1)))
      case 'OR':
        return this.#or(depth + 1)
      case 'UID':
        return uids(this.#scope.uidRanges(p.sp().numberSet()))
      case 'MODSEQ':
        return this.#modSeq()
      case 'FUZZY':
        return this.#fuzzily(depth + 1)
      case 'FILTER':
        return this.#filter(depth + 1)
      default:
        return this.#simple(name) ?? this.#withArgument(name)
    }
  }

  #after<T>(read: () => T): T {
    this.#p.sp()
    return read()
  }

  #or(depth: number): SearchCriteria {
    const of: SearchCriteria[] = []
    do of.push(this.#after(() => this.key(depth)))
    while (this.#p.acceptText(' OR'))
    of.push(this.#after(() => this.key(depth)))
    return { kind: 'or', of }
  }

  /** RFC 6203 §5: of keys that are not about text the exact meaning is taken. */
  #fuzzily(depth: number): SearchCriteria {
    const before = this.#fuzzy
    this.#fuzzy = true
    this.usesFuzzy = true
    const criteria = this.#after(() => this.key(depth))
    this.#fuzzy = before
    return criteria
  }

  /** RFC 5466 §3.1: the filter's keys in its place. */
  #filter(depth: number): SearchCriteria {
    const name = this.#p.sp().atom()
    if (name.includes('/')) throw new SyntaxFault('Expected a filter name without "/"')
    const key = asciiLower(name)
    if (this.#scope.filter === undefined) {
      this.lacksFilters = true
      return { kind: 'all' }
    }
    if (this.#filters.includes(key) || this.#filters.length >= maxFilterDepth) throw undefinedFilter(name)
    const outer = this.#p
    this.#p = new Parser({ text: Buffer.from(this.#scope.filter(key)), literals: [] })
    this.#filters.push(key)
    const keys = [this.key(depth)]
    while (this.#p.acceptSp()) keys.push(this.key(depth))
    this.#p.end()
    this.#filters.pop()
    this.#p = outer
    return all(keys)
  }

  /**
   * Of a filter always UTF-8 (RFC 5466 §3). Octets that are no UTF-8 are no fault of the grammar: Jakarta Mail, which
   * cuts characters to their lowest octet once UTF8=ACCEPT is enabled, searches by itself when it hears NO.
   */
  #string(): string {
    const p = this.#p.sp()
    if (this.#filters.length > 0) return p.astring()
    const octets = p.astringOctets()
    if (this.#charset !== '') return decodeCharset(octets, this.#charset)
    this.isUndecodable ||= !isUtf8(octets)
    return octets.toString()
  }

  #text(field: 'header' | 'body' | 'text', name: string, value: string): SearchCriteria {
    if (this.#fuzzy && value !== '') {
      if (++this.#fuzzyKeys > maxFuzzyKeys) throw new SyntaxFault('Too many fuzzy search keys', 'LIMIT')
      return { kind: 'fuzzy', field, name, value }
    }
    return field === 'header' ? { kind: 'header', name, value } : containing(field, value)
  }

  #simple(name: string): SearchCriteria | undefined {
    const flagKey = flagKeys.get(name)
    if (flagKey !== undefined) return flagKey
    switch (name) {
      case 'ALL':
      case 'SAVEDATESUPPORTED':
        return { kind: 'all' }
      case 'RECENT':
        return this.#recent()
      case 'OLD':
        return not(this.#recent())
      case 'NEW':
        return { kind: 'and', of: [this.#recent(), not({ kind: 'flag', mask: systemFlag.seen })] }
      default:
        return undefined
    }
  }

  #recent(): SearchCriteria {
    return uids(this.#scope.recentRanges())
  }

  #withArgument(name: string): SearchCriteria {
    const p = this.#p
    const date = dateKeys.get(name)
    if (date !== undefined) return date(p.sp().date())
    if (headerKeys.has(name)) return this.#text('header', asciiLower(name), this.#string())
    switch (name) {
      case 'HEADER': {
        const field = asciiLower(p.sp().astring())
        return this.#text('header', field, this.#string())
      }
      case 'BODY':
      case 'TEXT':
        return this.#text(name === 'BODY' ? 'body' : 'text', '', this.#string())
      case 'KEYWORD':
        return { kind: 'keyword', name: p.sp().astring() }
      case 'UNKEYWORD':
        return not({ kind: 'keyword', name: p.sp().astring() })
      case 'LARGER':
      case 'SMALLER':
        return { kind: name === 'LARGER' ? 'larger' : 'smaller', sizeBytes: p.sp().number64() }
      case 'EMAILID': {
        const messageId = messageIdOf(objectId(p.sp()))
        return messageId === undefined ? never : { kind: 'message-id', messageId }
      }
      case 'THREADID': {
        const conversation = conversationOfThread(objectId(p.sp()))
        return conversation === undefined ? never : { kind: 'conversation', id: conversation }
      }
      // RFC 5032: seconds before now.
      case 'OLDER':
        return { kind: 'internal-date', fromMs: earliest, toMs: this.#ago(p.sp().nzNumber()) + 1 }
      case 'YOUNGER':
        return { kind: 'internal-date', fromMs: this.#ago(p.sp().nzNumber()), toMs: latest }
      default:
        throw new SyntaxFault('Unknown search key')
    }
  }

  #ago(seconds: number): number {
    return this.#scope.nowMs - seconds * 1000
  }

  /** The optional entry (`"/flags/\\draft" all`) is for servers with a MODSEQ for each flag. RFC 7162 §3.1.5. */
  #modSeq(): SearchCriteria {
    const p = this.#p.sp()
    if (p.peek('"')) {
      p.string()
      if (!['PRIV', 'SHARED', 'ALL'].includes(p.sp().keyword()))
        throw new SyntaxFault('Expected priv, shared or all')
      p.sp()
    }
    this.usesModSeq = true
    return { kind: 'modseq', atLeast: p.number64() as ModSeq }
  }
}

const flagKeys: ReadonlyMap<string, SearchCriteria> = new Map(
  Object.entries(systemFlag).flatMap(([name, mask]): [string, SearchCriteria][] => {
    const set: SearchCriteria = { kind: 'flag', mask }
    return [
      [name.toUpperCase(), set],
      [`UN${name.toUpperCase()}`, not(set)],
    ]
  }),
)

const headerKeys: ReadonlySet<string> = new Set(['BCC', 'CC', 'FROM', 'SUBJECT', 'TO'])

const dateKeys: ReadonlyMap<string, (day: number) => SearchCriteria> = new Map([
  ...dateKinds('', (fromMs, toMs) => ({ kind: 'internal-date', fromMs, toMs }), dayMs),
  ...dateKinds('SAVED', (fromMs, toMs) => ({ kind: 'save-date', fromMs, toMs }), dayMs),
  ...dateKinds('SENT', (fromDay, toDay) => ({ kind: 'sent-date', fromDay, toDay }), 1),
])

function dateKinds(
  prefix: string,
  between: (from: number, to: number) => SearchCriteria,
  unit: number,
): [string, (day: number) => SearchCriteria][] {
  return [
    [`${prefix}BEFORE`, (day) => between(earliest, day * unit)],
    [`${prefix}ON`, (day) => between(day * unit, (day + 1) * unit)],
    [`${prefix}SINCE`, (day) => between(day * unit, latest)],
  ]
}

/** RFC 8474 §7. */
function objectId(p: Parser): string {
  const id = p.atom()
  if (!/^[A-Za-z0-9_-]{1,255}$/.test(id)) throw new SyntaxFault('Expected an object identifier')
  return id
}

function all(keys: readonly SearchCriteria[]): SearchCriteria {
  return keys.length === 1 ? keys[0]! : { kind: 'and', of: keys }
}

function not(of: SearchCriteria): SearchCriteria {
  return of.kind === 'not' ? of.of : { kind: 'not', of }
}

function uids(ranges: UidRanges): SearchCriteria {
  return ranges.length === 0 ? never : { kind: 'uids', ranges }
}

/** Nothing is contained in everything. */
function containing(kind: 'body' | 'text', value: string): SearchCriteria {
  return value === '' ? { kind: 'all' } : { kind, value }
}
