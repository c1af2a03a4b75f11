import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHeaderBlock } from './decoded-text.ts'
import { searchedField, searchedPieces } from './searched-field.ts'

test('RFC 9051 §6.4.4 FROM: an address with comments is found as ENVELOPE has it', () => {
  const odd = ' "A B" <user (comment)@ (comment) example.org>, x @y'
  assert.equal(searchedField('from', odd), `${odd} user@example.org, x@y`)
  assert.equal(searchedField('subject', odd), odd)
  assert.equal(searchedField('to', ' a@b, c@d'), ' a@b, c@d')
  assert.equal(searchedField('cc', ' =?utf-8?q?=C3=A4?= <a@b>'), ' ä <a@b>')
})

test('a header block with such a field', () => {
  const block = 'Subject: at home @ work\r\nFrom: a\r\n @b\r\nTo : =?utf-8?q?=C3=A4?= <c@d>\r\n\r\n'
  assert.equal(
    decodeHeaderBlock(Buffer.from(block)),
    'Subject: at home @ work\nFrom: a @b a@b\nTo : ä <c@d>\n\n',
  )
})

for (const { what, value } of [
  { what: 'plain words', value: ' word 12'.repeat(60_000) },
  { what: 'encoded words with blanks between that go', value: ' =?utf-8?q?=C3=A4_b?='.repeat(30_000) },
  { what: 'both', value: ' plain =?utf-8?q?=C3=A4 b?= =?iso-8859-1?B?5A==?='.repeat(20_000) },
  { what: 'a word that does not end', value: ` =?utf-8?q?${'a b'.repeat(200_000)}` },
  { what: 'no blank at all', value: 'x'.repeat(500_000) },
  { what: 'addresses with comments', value: ' "A B" <user (comment)@ example.org>,'.repeat(20_000) },
]) {
  test(`a long field in pieces is the same as in one: ${what}`, () => {
    const pieces = [...searchedPieces('to', value)]
    assert.ok(pieces.length > 3)
    assert.equal(pieces.join(''), searchedField('to', value))
  })
}
