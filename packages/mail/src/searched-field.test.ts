import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHeaderBlock } from './decoded-text.ts'
import { searchedField } from './searched-field.ts'

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
