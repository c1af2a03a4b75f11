import assert from 'node:assert/strict'
import { test } from 'node:test'
import { excludeFields, findHeader, headerEnd, headerFields, selectFields, unfold } from './header.ts'
import { formatField, formatUtf8Field } from './header-writer.ts'

const header =
  'Received: from a\r\n\tby b;\r\n date\r\nSubject : hi\r\n  there \r\nnot a field\r\nX-Empty:\r\nTO: x\r\nto: y\r\n\r\nbody: no\r\n'

test('RFC 5322 §2.2: fields with their offsets, up to the empty line', () => {
  const fields = [...headerFields(header)]
  assert.deepEqual(
    fields.map(({ name }) => name),
    ['Received', 'Subject', 'X-Empty', 'TO', 'to'],
  )
  assert.equal(fields[0]?.rawValue, ' from a\r\n\tby b;\r\n date\r\n')
  for (const field of fields) {
    assert.ok(header.slice(field.start, field.end).startsWith(field.name))
    assert.ok(header.slice(field.start, field.end).endsWith(`${field.rawValue}`))
  }
  assert.deepEqual([...headerFields(Buffer.from(header))], fields)
})

test('RFC 5322 §2.2.3: unfolding takes the line end and leaves the blank', () => {
  assert.equal(findHeader(header, 'subject'), 'hi  there')
  assert.equal(findHeader(header, 'Received'), 'from a\tby b; date')
  assert.equal(findHeader(header, 'x-empty'), '')
  assert.equal(findHeader(header, 'body'), undefined)
  assert.equal(unfold(' a\n b\r\n'), 'a b')
})

test('RFC 9051 §6.4.5: HEADER.FIELDS and HEADER.FIELDS.NOT keep octets and order', () => {
  assert.equal(selectFields(header, new Set(['to', 'x-empty'])), 'X-Empty:\r\nTO: x\r\nto: y\r\n')
  assert.equal(excludeFields(header, new Set(['to', 'received'])), 'Subject : hi\r\n  there \r\nX-Empty:\r\n')
})

test('RFC 5322 §2.1: the header ends at the first empty line, CRLF or LF', () => {
  assert.equal(headerEnd(Buffer.from('a: b\r\n\r\nc')), 8)
  assert.equal(headerEnd(Buffer.from('a: b\n\nc')), 6)
  assert.equal(headerEnd(Buffer.from('\r\nc')), 2)
  assert.equal(headerEnd(Buffer.from('a: b\r\n')), 6)
  assert.equal(headerEnd(Buffer.from('')), 0)
  assert.equal(headerEnd(Buffer.from('a\r\rb\r\n\r\n')), 8)
})

test('header injection is impossible in the writer', () => {
  const hostile = 'x\r\nBcc: victim@example.org\r\n\r\nbody\0\u2028'
  for (const format of [formatField, formatUtf8Field]) {
    const written = format('Subject', hostile).toString('latin1')
    assert.deepEqual(
      [...headerFields(written)].map(({ name }) => name),
      ['Subject'],
    )
    assert.equal(headerEnd(Buffer.from(written, 'latin1')), written.length)
  }
  for (const name of ['', 'A B', 'A:B', 'A\r\n', 'Ä']) assert.throws(() => formatField(name, 'x'), RangeError)
})

test('RFC 5322 §2.1.1: lines are folded at 78 where there are blanks, cut below 998 where there are none', () => {
  const long = formatField('Subject', 'word '.repeat(200)).toString()
  for (const line of long.split('\r\n')) assert.ok(line.length <= 78)
  assert.equal(unfold(long.slice(8)), 'word '.repeat(200).trim())
  for (const line of formatField('X', 'y'.repeat(5000)).toString().split('\r\n'))
    assert.ok(line.length <= 998)
})
