import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SearchCriteria } from '@posthorn/storage'
import { Parser } from './parser.ts'
import { type SearchScope, searchProgram } from './search-program.ts'
import { SyntaxFault } from './syntax-fault.ts'

const day = 86_400_000
const feb1 = Date.UTC(1994, 1, 1) / day
const [first, last] = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]

/** Three messages with UIDs 10, 20, 30; the last one is \Recent. */
const scope: SearchScope = {
  sequenceRanges: (set) => {
    const indexes = set.sequenceIndexesWithin(3)
    return indexes.length === 0 ? [] : [[(indexes[0]! + 1) * 10, indexes[1]! * 10]]
  },
  uidRanges: (set) => (set.saved ? [[20, 20]] : set.ranges(30)),
  recentRanges: () => [[30, 30]],
  nowMs: 1_000_000,
}

function read(text: string, encoding: BufferEncoding = 'utf8'): SearchCriteria | undefined {
  const p = new Parser({ text: Buffer.from(text, encoding), literals: [] })
  const program = searchProgram(p, scope)
  p.end()
  return program.criteria
}

const flag = (mask: number): SearchCriteria => ({ kind: 'flag', mask })
const not = (of: SearchCriteria): SearchCriteria => ({ kind: 'not', of })
const and = (...of: SearchCriteria[]): SearchCriteria => ({ kind: 'and', of })
const recent: SearchCriteria = { kind: 'uids', ranges: [[30, 30]] }
const never = not({ kind: 'all' })

const table: readonly { rfc: string; input: string; expect: SearchCriteria }[] = [
  { rfc: '9051 §6.4.4', input: 'ALL', expect: { kind: 'all' } },
  { rfc: '9051 §6.4.4', input: 'seen ANSWERED', expect: and(flag(1), flag(2)) },
  { rfc: '9051 §6.4.4', input: 'UNSEEN UNDELETED', expect: and(not(flag(1)), not(flag(8))) },
  { rfc: '9051 §6.4.4', input: 'FLAGGED UNFLAGGED', expect: and(flag(4), not(flag(4))) },
  { rfc: '9051 §6.4.4', input: 'DRAFT UNDRAFT', expect: and(flag(16), not(flag(16))) },
  { rfc: '9051 §6.4.4', input: 'DELETED UNANSWERED', expect: and(flag(8), not(flag(2))) },
  { rfc: '9051 §6.4.4', input: 'KEYWORD $Foo', expect: { kind: 'keyword', name: '$Foo' } },
  { rfc: '9051 §6.4.4', input: 'UNKEYWORD Foo', expect: not({ kind: 'keyword', name: 'Foo' }) },
  { rfc: '9051 §6.4.4', input: 'NOT SEEN', expect: not(flag(1)) },
  { rfc: '9051 §6.4.4', input: 'NOT NOT SEEN', expect: flag(1) },
  { rfc: '9051 §6.4.4', input: 'OR SEEN DRAFT', expect: { kind: 'or', of: [flag(1), flag(16)] } },
  {
    rfc: '9051 §6.4.4',
    input: 'OR SEEN OR DRAFT ALL',
    expect: { kind: 'or', of: [flag(1), flag(16), { kind: 'all' }] },
  },
  {
    rfc: '9051 §6.4.4',
    input: 'OR OR SEEN DRAFT ALL',
    expect: { kind: 'or', of: [{ kind: 'or', of: [flag(1), flag(16)] }, { kind: 'all' }] },
  },
  { rfc: '9051 §6.4.4', input: '(SEEN (NOT DRAFT))', expect: and(flag(1), not(flag(16))) },
  { rfc: '9051 §6.4.4', input: 'FROM "Smith"', expect: { kind: 'header', name: 'from', value: 'Smith' } },
  { rfc: '9051 §6.4.4', input: 'TO a', expect: { kind: 'header', name: 'to', value: 'a' } },
  { rfc: '9051 §6.4.4', input: 'CC a', expect: { kind: 'header', name: 'cc', value: 'a' } },
  { rfc: '9051 §6.4.4', input: 'BCC a', expect: { kind: 'header', name: 'bcc', value: 'a' } },
  { rfc: '9051 §6.4.4', input: 'SUBJECT "é"', expect: { kind: 'header', name: 'subject', value: 'é' } },
  {
    rfc: '9051 §6.4.4',
    input: 'HEADER Message-ID ""',
    expect: { kind: 'header', name: 'message-id', value: '' },
  },
  { rfc: '9051 §6.4.4', input: 'BODY x', expect: { kind: 'body', value: 'x' } },
  { rfc: '9051 §6.4.4', input: 'TEXT x', expect: { kind: 'text', value: 'x' } },
  { rfc: '9051 §6.4.4', input: 'TEXT ""', expect: { kind: 'all' } },
  {
    rfc: '9051 §6.4.4',
    input: 'LARGER 10 SMALLER 20',
    expect: and({ kind: 'larger', sizeBytes: 10 }, { kind: 'smaller', sizeBytes: 20 }),
  },
  {
    rfc: '9051 §6.4.4',
    input: 'ON 1-Feb-1994',
    expect: { kind: 'internal-date', fromMs: feb1 * day, toMs: (feb1 + 1) * day },
  },
  {
    rfc: '9051 §6.4.4',
    input: 'BEFORE 1-Feb-1994',
    expect: { kind: 'internal-date', fromMs: first, toMs: feb1 * day },
  },
  {
    rfc: '9051 §6.4.4',
    input: 'SINCE "1-Feb-1994"',
    expect: { kind: 'internal-date', fromMs: feb1 * day, toMs: last },
  },
  {
    rfc: '9051 §6.4.4',
    input: 'SENTON 1-Feb-1994',
    expect: { kind: 'sent-date', fromDay: feb1, toDay: feb1 + 1 },
  },
  {
    rfc: '9051 §6.4.4',
    input: 'SENTBEFORE 1-Feb-1994',
    expect: { kind: 'sent-date', fromDay: first, toDay: feb1 },
  },
  {
    rfc: '9051 §6.4.4',
    input: 'SENTSINCE 1-Feb-1994',
    expect: { kind: 'sent-date', fromDay: feb1, toDay: last },
  },
  {
    rfc: '8514 §4',
    input: 'SAVEDON 1-Feb-1994',
    expect: { kind: 'save-date', fromMs: feb1 * day, toMs: (feb1 + 1) * day },
  },
  { rfc: '5032 §3', input: 'OLDER 100', expect: { kind: 'internal-date', fromMs: first, toMs: 900_001 } },
  { rfc: '5032 §3', input: 'YOUNGER 100', expect: { kind: 'internal-date', fromMs: 900_000, toMs: last } },
  { rfc: '3501 §6.4.4', input: 'RECENT', expect: recent },
  { rfc: '3501 §6.4.4', input: 'OLD', expect: not(recent) },
  { rfc: '3501 §6.4.4', input: 'NEW', expect: and(recent, not(flag(1))) },
  { rfc: '9051 §6.4.4', input: '1:2', expect: { kind: 'uids', ranges: [[10, 20]] } },
  { rfc: '9051 §6.4.4', input: '*', expect: { kind: 'uids', ranges: [[30, 30]] } },
  { rfc: '9051 §6.4.4', input: '7', expect: never },
  { rfc: '9051 §6.4.4', input: 'UID 5:*,7', expect: { kind: 'uids', ranges: [[5, 30]] } },
  { rfc: '5182 §2.1', input: 'UID $', expect: { kind: 'uids', ranges: [[20, 20]] } },
  { rfc: '7162 §3.1.5', input: 'MODSEQ 62', expect: { kind: 'modseq', atLeast: 62 as never } },
  {
    rfc: '7162 §3.1.5',
    input: 'MODSEQ "/flags/\\\\draft" all 62',
    expect: { kind: 'modseq', atLeast: 62 as never },
  },
  { rfc: '9051 §6.4.4', input: 'CHARSET utf-8 SEEN', expect: flag(1) },
  { rfc: '9051 §6.4.4', input: 'CHARSET "US-ASCII" SEEN', expect: flag(1) },
]

for (const { rfc, input, expect } of table) {
  test(`RFC ${rfc}: ${input}`, () => assert.deepEqual(read(input), expect))
}

const faults = [
  '',
  'BOGUS',
  'NOT',
  'OR SEEN',
  'OR',
  '()',
  '(SEEN',
  'SEEN)',
  'KEYWORD',
  'KEYWORD \\Seen',
  'ON 31-Feb-2020',
  'LARGER',
  'LARGER -1',
  'LARGER 99999999999999999999',
  'HEADER a',
  'FROM',
  '0',
  '1:',
  'UID x',
  'MODSEQ x',
  'OLDER 0',
  'MODSEQ "/flags" foo 1',
  'CHARSET utf-8',
  `${'('.repeat(10_000)}ALL`,
  `${'NOT '.repeat(10_000)}ALL`,
  `${'OR '.repeat(10_000)}ALL`,
]

for (const input of faults) {
  test(`RFC 9051 §6.4.4: ${input.slice(0, 30)} (${input.length}) is a fault`, () => {
    assert.throws(() => read(input), SyntaxFault)
  })
}

test('a chain of ORs, as clients make of many conditions, is not deep', () => {
  const criteria = read(`${'OR FROM a '.repeat(5000)}FROM b`)
  assert.equal(criteria?.kind === 'or' && criteria.of.length, 5001)
})

test('RFC 9051 §6.4.4 BADCHARSET: strings in an unknown charset are not read, the keys are', () => {
  assert.equal(read('CHARSET x-none SUBJECT "\u00ff"'), undefined)
  assert.throws(() => read('CHARSET x-none SUBJECT'), SyntaxFault)
  assert.throws(() => read('CHARSET x-none BOGUS'), SyntaxFault)
})

test('RFC 9051 §6.4.4 BADCHARSET: strings that are no UTF-8, where no other charset is named', () => {
  for (const input of ['SUBJECT "w\u00f6rld"', 'CHARSET utf-8 OR FROM a NOT TEXT "\u00fc"'])
    assert.equal(read(input, 'latin1'), undefined, input)
  assert.notEqual(read('SUBJECT "w\u00f6rld"'), undefined)
  assert.throws(() => read('SUBJECT "\u00f6" BOGUS', 'latin1'), SyntaxFault)
})
