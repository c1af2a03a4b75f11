import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreError } from '@posthorn/storage'
import { Parser, type ParserOptions } from './parser.ts'
import { SyntaxFault } from './syntax-fault.ts'

interface Row {
  readonly rfc: string
  readonly input: string
  readonly read: (p: Parser) => unknown
  readonly literals?: readonly string[]
  readonly options?: ParserOptions
  readonly expect?: unknown
  /** Of SyntaxFault. */
  readonly fault?: RegExp
  readonly refused?: StoreError['kind']
}

const maxModSeq = '9223372036854775807'

const table: readonly Row[] = [
  { rfc: '9051 §9 tag', input: 'A.1]', read: (p) => p.tag(), expect: 'A.1]' },
  { rfc: '9051 §9 tag: no +', input: 'A+1', read: (p) => [p.tag(), p.position], expect: ['A', 1] },
  { rfc: '9051 §9 tag', input: '', read: (p) => p.tag(), fault: /Expected a tag at octet 1/ },
  { rfc: '9051 §9 SP: more blanks are forgiven', input: '  x', read: (p) => p.sp().atom(), expect: 'x' },
  { rfc: '9051 §9 SP', input: 'x', read: (p) => p.sp().atom(), fault: /a space at octet 1/ },
  { rfc: '9051 §9 SP is no tab', input: '\tx', read: (p) => p.sp(), fault: /a space at octet 1/ },
  { rfc: '9051 §9 atom', input: 'AUTH=PLAIN ', read: (p) => p.atom(), expect: 'AUTH=PLAIN' },
  { rfc: '9051 §9 atom: no 8-bit', input: 'é', read: (p) => p.atom(), fault: /an atom/ },
  { rfc: '9051 §9 keywords have no case', input: 'uid', read: (p) => p.keyword(), expect: 'UID' },
  { rfc: '9051 §9 astring', input: 'a]b', read: (p) => p.astring(), expect: 'a]b' },
  { rfc: '9051 §9 quoted', input: '"a \\"b\\" \\\\"', read: (p) => p.astring(), expect: 'a "b" \\' },
  { rfc: '9051 §9 quoted, empty', input: '""', read: (p) => p.string(), expect: '' },
  { rfc: '9051 §9 quoted, UTF-8', input: '"\xc3\xa9"', read: (p) => p.string(), expect: 'é' },
  { rfc: '9051 §9 quoted, not UTF-8', input: '"\xe9"', read: (p) => p.string(), fault: /UTF-8/ },
  {
    rfc: '9051 §9 quoted, not closed',
    input: '"abc',
    read: (p) => p.string(),
    fault: /closing quote at octet 5/,
  },
  { rfc: '9051 §9 quoted, wrong escape', input: '"a\\bc"', read: (p) => p.string(), fault: /at octet 4/ },
  { rfc: '9051 §9 quoted, bare CR', input: '"a\rb"', read: (p) => p.string(), fault: /line ends/ },
  { rfc: '9051 §9 string: no atom', input: 'abc', read: (p) => p.string(), fault: /a string/ },
  { rfc: '9051 §4.3 literal', input: '{3}\r\n', literals: ['a"b'], read: (p) => p.astring(), expect: 'a"b' },
  {
    rfc: '7888 literals in order',
    input: '{1+}\r\n {1}\r\n',
    literals: ['a', 'b'],
    read: (p) => [p.string(), p.sp().string(), p.atEnd],
    expect: ['a', 'b', true],
  },
  {
    rfc: '9051 §4.3 literal without NUL',
    input: '{1}\r\n',
    literals: ['\0'],
    read: (p) => p.literal(),
    fault: /NUL/,
  },
  {
    rfc: '3516 §4.4 literal8',
    input: '~{1}\r\n',
    literals: ['\0'],
    read: (p) => p.literal8().length,
    expect: 1,
  },
  {
    rfc: '9051 §4.3 an announcement alone',
    input: '{3}',
    read: (p) => p.literal(),
    fault: /a literal at octet 1/,
  },
  { rfc: '9051 §4.3 an announcement alone', input: '{3}', read: (p) => p.atPendingLiteral, expect: true },
  {
    rfc: '9051 §4.3 a brace is no atom',
    input: 'a{3}',
    read: (p) => [p.atom(), p.position],
    expect: ['a', 1],
  },
  { rfc: '9051 §9 nstring', input: 'nil', read: (p) => p.nstring(), expect: undefined },
  { rfc: '9051 §9 nstring', input: '"NIL"', read: (p) => p.nstring(), expect: 'NIL' },
  { rfc: '9051 §9 number', input: '4294967295', read: (p) => p.number(), expect: 4294967295 },
  { rfc: '9051 §9 number', input: '007', read: (p) => p.number(), expect: 7 },
  { rfc: '9051 §9 number', input: '4294967296', read: (p) => p.number(), fault: /4294967295 at octet 1/ },
  { rfc: '9051 §9 number', input: '-1', read: (p) => p.number(), fault: /number/ },
  { rfc: '9051 §9 nz-number', input: '0', read: (p) => p.nzNumber(), fault: /from 1/ },
  { rfc: '9051 §9 number64', input: maxModSeq, read: (p) => p.number64(), expect: Number.MAX_SAFE_INTEGER },
  { rfc: '9051 §9 number64', input: '9223372036854775808', read: (p) => p.number64(), fault: /number/ },
  { rfc: '9051 §9 number64', input: '1'.repeat(5000), read: (p) => p.number64(), fault: /number/ },
  { rfc: '9051 §9 mailbox', input: 'inBOX', read: (p) => p.mailbox(), expect: 'INBOX' },
  { rfc: '9051 §9 mailbox', input: '"Inbox/a"', read: (p) => p.mailbox(), expect: 'INBOX/a' },
  { rfc: '3501 §5.1.3 mailbox', input: '"Entw&APw-rfe"', read: (p) => p.mailbox(), expect: 'Entwürfe' },
  { rfc: '3501 §5.1.3 mailbox', input: 'a&b', read: (p) => p.mailbox(), refused: 'invalid-name' },
  { rfc: '3501 §5.1.3 no 8-bit', input: '"\xc3\xa9"', read: (p) => p.mailbox(), refused: 'invalid-name' },
  {
    rfc: '6855 §3 mailbox',
    input: '"\xc3\xa9&"',
    options: { utf8: true },
    read: (p) => p.mailbox(),
    expect: 'é&',
  },
  { rfc: '9051 §9 list-mailbox', input: '%]*/x', read: (p) => p.listMailbox(), expect: '%]*/x' },
  { rfc: '9051 §9 list-mailbox', input: '"a b%"', read: (p) => p.listMailbox(), expect: 'a b%' },
  { rfc: '9051 §9 list-mailbox', input: '""', read: (p) => p.listMailbox(), expect: '' },
  { rfc: '9051 §9 flag-list', input: '()', read: (p) => p.flagList(), expect: { system: 0, keywords: [] } },
  {
    rfc: '9051 §9 flag-list',
    input: '(\\SEEN $Label1 \\draft Foo)',
    read: (p) => p.flagList(),
    expect: { system: 17, keywords: ['$Label1', 'Foo'] },
  },
  {
    rfc: '3501 §2.3.2 \\Recent is the server’s',
    input: '(\\Recent)',
    read: (p) => p.flagList(),
    fault: /system flag/,
  },
  {
    rfc: '9051 §9 flag-list',
    input: '(\\Seen',
    read: (p) => p.flagList(),
    fault: /a space or "\)" at octet 7/,
  },
  { rfc: '9051 §9 flag-list', input: '(\\ Seen)', read: (p) => p.flagList(), fault: /an atom at octet 3/ },
  { rfc: '5530 §3 LIMIT', input: `(${'k'.repeat(101)})`, read: (p) => p.flagList(), refused: 'limit' },
  {
    rfc: '9051 §9 store-att-flags',
    input: '\\Seen foo',
    read: (p) => p.storeFlags(),
    expect: { system: 1, keywords: ['foo'] },
  },
  { rfc: '9051 §9 store-att-flags', input: '', read: (p) => p.storeFlags(), fault: /an atom/ },
  {
    rfc: '9051 §9 date-time',
    input: '"17-Jul-1996 02:44:25 -0700"',
    read: (p) => p.dateTime(),
    expect: Date.UTC(1996, 6, 17, 9, 44, 25),
  },
  { rfc: '9051 §9 date-time', input: '" 1-Jan-1970 00:00:00 +0000"', read: (p) => p.dateTime(), expect: 0 },
  {
    rfc: '9051 §9 date-time',
    input: '"31-Feb-2020 00:00:00 +0000"',
    read: (p) => p.dateTime(),
    fault: /date-time/,
  },
  {
    rfc: '9051 §9 date-time',
    input: '"1-Jan-2020 24:00:00 +0000"',
    read: (p) => p.dateTime(),
    fault: /date-time/,
  },
  { rfc: '9051 §9 date-time', input: '1-Jan-2020', read: (p) => p.dateTime(), fault: /date-time/ },
  {
    rfc: '9051 §9 date',
    input: '1-feb-1994',
    read: (p) => p.date(),
    expect: Date.UTC(1994, 1, 1) / 86_400_000,
  },
  {
    rfc: '9051 §9 date',
    input: '"29-Feb-2000"',
    read: (p) => p.date(),
    expect: Date.UTC(2000, 1, 29) / 86_400_000,
  },
  { rfc: '9051 §9 date', input: '29-Feb-1900', read: (p) => p.date(), fault: /date/ },
  { rfc: '9051 §9 date', input: '1-Foo-1994', read: (p) => p.date(), fault: /date/ },
  { rfc: '9051 §9 date', input: '1-Jan-94', read: (p) => p.date(), fault: /date/ },
  { rfc: '9051 §9 list', input: '(a b)', read: (p) => p.list(() => p.atom()), expect: ['a', 'b'] },
  { rfc: '9051 §9 list', input: '()', read: (p) => p.nonEmptyList(() => p.atom()), fault: /an item/ },
  {
    rfc: '9051 §9 list: more blanks',
    input: '( a  b )',
    read: (p) => p.list(() => p.atom()),
    expect: ['a', 'b'],
  },
  {
    rfc: '9051 §9 list',
    input: '(a  b',
    read: (p) => p.list(() => p.atom()),
    fault: /a space or "\)" at octet 6/,
  },
  { rfc: 'blanks before the end, as Dovecot', input: '  ', read: (p) => p.end(), expect: undefined },
  { rfc: '9051 §9 CRLF', input: ' x', read: (p) => p.end(), fault: /the end of the command at octet 1/ },
  { rfc: '9051 §9 names of items', input: 'Body.Peek[', read: (p) => p.name(), expect: 'BODY.PEEK' },
]

for (const row of table) {
  test(`RFC ${row.rfc}: ${JSON.stringify(row.input.slice(0, 40))}`, () => {
    const text = Buffer.from(row.input, 'latin1')
    const literals = (row.literals ?? []).map((literal) => Buffer.from(literal, 'latin1'))
    const read = () => row.read(new Parser({ text, literals }, row.options))
    if (row.fault !== undefined) {
      const { fault } = row
      assert.throws(read, (error) => error instanceof SyntaxFault && fault.test(error.message))
    } else if (row.refused !== undefined) {
      assert.throws(read, (error) => error instanceof StoreError && error.kind === row.refused)
    } else assert.deepEqual(read(), row.expect)
  })
}

test('a streamed literal is read as empty', () => {
  const p = new Parser({ text: Buffer.from('{5}\r\n'), literals: [{ streamedBytes: 5 }] })
  assert.equal(p.literal().length, 0)
  assert.ok(p.atEnd)
})
