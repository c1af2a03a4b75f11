import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FieldSelection } from './header-fields.ts'
import { ResponseWriter } from './response.ts'

const header = [
  'Received: by a',
  '\tid 1',
  'From : Ann',
  'FROM: Bob',
  'not a field',
  ': nothing',
  'To: x',
  ' folded',
  'X-Last: 1',
  '',
  'From: in the body',
].join('\r\n')

/** RFC 9051 §6.4.5.1: [names, fields named, fields not named]. */
const table: readonly (readonly [string[], string, string])[] = [
  [['from'], 'From : Ann\r\nFROM: Bob\r\n', 'Received: by a\r\n\tid 1\r\nTo: x\r\n folded\r\nX-Last: 1\r\n'],
  [
    ['received', 'to'],
    'Received: by a\r\n\tid 1\r\nTo: x\r\n folded\r\n',
    'From : Ann\r\nFROM: Bob\r\nX-Last: 1\r\n',
  ],
  [
    ['x-las', 'x-lastt', 'not a field', ''],
    '',
    header.slice(0, header.indexOf('\r\n\r\n') + 2).replace('not a field\r\n: nothing\r\n', ''),
  ],
]

function select(names: readonly string[], keep: 'named' | 'others', text: string): string {
  const selection = new FieldSelection(new Set(names), keep)
  const octets = Buffer.from(`junk${text}`, 'latin1')
  selection.add(octets, 4, octets.length)
  const out = new ResponseWriter()
  selection.write(out)
  assert.equal(out.length, selection.lengthBytes)
  return out.take().toString('latin1')
}

for (const [names, named, others] of table) {
  test(`RFC 9051 §6.4.5.1: HEADER.FIELDS (${names.join(' ')})`, () => {
    assert.equal(select(names, 'named', header), named)
    assert.equal(select(names, 'others', header), others)
    assert.equal(select(names, 'named', header.replaceAll('\r\n', '\n')), named.replaceAll('\r\n', '\n'))
  })
}

test('octets of names that are no letters are exact: [ is no {', () => {
  assert.equal(select(['a{'], 'named', 'A[: 1\r\nA{: 2\r\n'), 'A{: 2\r\n')
})

test('a message that ends within its header: the field gets its line end', () => {
  assert.equal(select(['subject'], 'named', 'From: a\r\nSubject: x'), 'Subject: x\r\n')
  assert.equal(select(['from'], 'named', 'From: a\r\nSubject: x'), 'From: a\r\n')
})

test('two headers, one selection, used again', () => {
  const selection = new FieldSelection(new Set(['a']), 'named')
  for (let round = 0; round < 2; round++) {
    selection.clear()
    selection.add(Buffer.from('A: 1\r\nB: 2\r\n'), 0, 12)
    selection.add(Buffer.from('A: 3\r\n'), 0, 6)
    const out = new ResponseWriter()
    selection.write(out)
    assert.equal(out.take().toString(), 'A: 1\r\nA: 3\r\n')
  }
})
