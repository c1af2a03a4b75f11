import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foldCase } from './case-fold.ts'

const same: readonly [string, string][] = [
  ['Hello', 'hELLO'],
  ['ÄÖÜ', 'äöü'],
  ['é', 'e\u0301'],
  ['ﬁ', 'FI'],
  ['straße', 'STRASSE'],
  ['Ω', 'ω'],
  ['Привет', 'ПРИВЕТ'],
  ['１２３', '123'],
  ['㎒', 'mhz'],
  ['ǆ', 'Ǆ'],
  ['ς', 'Σ'],
]
for (const [a, b] of same) test(`RFC 5051 §2: ${a} is ${b}`, () => assert.equal(foldCase(a), foldCase(b)))

test('RFC 5051 §2: folding twice changes nothing, different letters stay different', () => {
  for (const text of same.flat()) assert.equal(foldCase(foldCase(text)), foldCase(text))
  assert.notEqual(foldCase('a'), foldCase('ä'))
  assert.notEqual(foldCase('会'), foldCase('議'))
})
