import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetchItems, fetchModifiers } from './fetch-items.ts'
import { Parser } from './parser.ts'
import { SyntaxFault } from './syntax-fault.ts'

const parser = (text: string) => new Parser({ text: Buffer.from(text, 'latin1'), literals: [] })

/** Items in short: a kind, or a section's label with ! when it sets \Seen and ~ before what it stands for. */
function short(text: string): string {
  const p = parser(text)
  const items = fetchItems(p)
  p.end()
  return items
    .map((item) => {
      if (item.kind !== 'section') return item.kind
      const { path, what, names } = item.section
      const part = item.partial === undefined ? '' : ` ${item.partial.start}+${item.partial.length}`
      return `${item.label}${item.marks ? '!' : ''} ~${path.join('.')} ${what}${[...names].map((n) => ` ${n}`).join('')}${part}`
    })
    .join('; ')
}

/** RFC 9051 §6.4.5, RFC 3501 §6.4.5. */
const table: readonly (readonly [string, string])[] = [
  ['ALL', 'flags; internal-date; size; envelope'],
  ['fast', 'flags; internal-date; size'],
  ['Full', 'flags; internal-date; size; envelope; body'],
  ['FLAGS', 'flags'],
  ['(UID RFC822.SIZE FLAGS)', 'uid; size; flags'],
  ['(FLAGS FLAGS UID flags)', 'flags; uid'],
  [
    '(body BODYSTRUCTURE envelope modseq internaldate)',
    'body; body-structure; envelope; modseq; internal-date',
  ],
  ['BODY[]', 'BODY[]! ~ all'],
  ['body.peek[]', 'BODY[] ~ all'],
  ['BODY[]<0.65536>', 'BODY[]<0>! ~ all 0+65536'],
  ['BODY.PEEK[TEXT]<10.1>', 'BODY[TEXT]<10> ~ text 10+1'],
  ['RFC822', 'RFC822! ~ all'],
  ['RFC822.HEADER', 'RFC822.HEADER ~ header'],
  ['RFC822.TEXT', 'RFC822.TEXT! ~ text'],
  ['BODY.PEEK[HEADER]', 'BODY[HEADER] ~ header'],
  ['BODY[1]', 'BODY[1]! ~1 all'],
  ['BODY[1.2.mime]', 'BODY[1.2.MIME]! ~1.2 mime'],
  ['BODY[3.HEADER]', 'BODY[3.HEADER]! ~3 header'],
  ['BODY[4.2.TEXT]', 'BODY[4.2.TEXT]! ~4.2 text'],
  [
    'BODY.PEEK[HEADER.FIELDS (From To Message-ID)]',
    'BODY[HEADER.FIELDS (FROM TO MESSAGE-ID)] ~ fields from to message-id',
  ],
  ['BODY.PEEK[header.fields.not ("X-A")]', 'BODY[HEADER.FIELDS.NOT (X-A)] ~ fields-not x-a'],
  ['BODY[2.HEADER.FIELDS (a)]<0.5>', 'BODY[2.HEADER.FIELDS (A)]<0>! ~2 fields a 0+5'],
  ['BODY.PEEK[HEADER.FIELDS ("a(b")]', 'BODY[HEADER.FIELDS ("A(B")] ~ fields a(b'],
  ['(BODY[]<0.5> BODY[]<0.6>)', 'BODY[]<0>! ~ all 0+5; BODY[]<0>! ~ all 0+6'],
]

for (const [input, expected] of table) {
  test(`RFC 9051 §6.4.5: ${input}`, () => assert.equal(short(input), expected))
}

const faults = [
  '',
  '()',
  '(ALL)',
  '(FLAGS ALL)',
  'BOGUS',
  'FLAGS UID',
  'BODY[',
  'BODY[]<0>',
  'BODY[]<a.1>',
  'BODY[]<-1.1>',
  'BODY[]<0.1',
  'BODY.PEEK',
  'RFC822.PEEK',
  'BODY[0]',
  'BODY[1.0]',
  'BODY[01]',
  'BODY[1.]',
  'BODY[.1]',
  'BODY[1..2]',
  'BODY[MIME]',
  'BODY[TEXT.1]',
  'BODY[HEADER.FIELDS]',
  'BODY[HEADER.FIELDS ()]',
  'BODY[HEADER.FIELDS (a b]',
  'BODY[HEADER.FIELDS (a (b))]',
  'BODY[HEADER.FIELDS ("a:b")]',
  'BODY[HEADER.FIELDS ("")]',
  'BODY[HEADER (a)]',
  'BODY[4294967296]',
  `BODY[${'1.'.repeat(100)}1]`,
  `(${'UID '.repeat(200)}UID)`,
  `BODY[HEADER.FIELDS (${'a '.repeat(500)}a)]`,
]

for (const input of faults) {
  test(`RFC 9051 §6.4.5: ${input.slice(0, 40)} is a fault`, () =>
    assert.throws(() => short(input), SyntaxFault))
}

test('RFC 7162 §3.1.4.1, §3.2.6: modifiers', () => {
  assert.deepEqual(fetchModifiers(parser('')), {})
  assert.deepEqual(fetchModifiers(parser(' (CHANGEDSINCE 12345)')), { changedSince: 12345 })
  // Not in the grammar; who never synchronised says so, and Dovecot answers.
  assert.deepEqual(fetchModifiers(parser(' (CHANGEDSINCE 0)')), { changedSince: 0 })
  assert.deepEqual(fetchModifiers(parser(' (vanished changedsince 1)')), { changedSince: 1, vanished: true })
  for (const input of [
    ' ()',
    ' (VANISHED)',
    ' (CHANGEDSINCE)',
    ' (FOO)',
    ' (CHANGEDSINCE 1 CHANGEDSINCE 2)',
  ]) {
    assert.throws(() => fetchModifiers(parser(input)), SyntaxFault, input)
  }
})
