import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlagTexts, flagsFrom } from './flags.ts'

test('RFC 9051 §2.3.2: names for the bits of both words', () => {
  const keywords = Array.from({ length: 59 }, (_, slot) => (slot === 1 ? '' : `k${slot}`))
  const texts = new FlagTexts(keywords)
  assert.equal(texts.list(0, 0, 'seen-before'), '()')
  assert.equal(texts.list(0, 0, 'recent'), '(\\Recent)')
  assert.equal(
    texts.list(1 | 2 | 4 | 8 | 16, 0, 'seen-before'),
    '(\\Answered \\Flagged \\Deleted \\Seen \\Draft)',
  )
  assert.equal(texts.list((1 << 5) | (1 << 6) | 1, 0, 'recent'), '(\\Seen \\Recent k0)')
  assert.equal(texts.list((1 << 31) >>> 0, 1, 'seen-before'), '(k26 k27)')
  assert.equal(texts.list(0, (1 << 31) >>> 0, 'seen-before'), '(k58)')
  const octets = texts.octets(5, 0, 'seen-before')
  assert.equal(texts.octets(5, 0, 'seen-before'), octets)
  assert.equal(octets.buffer.byteLength, octets.length, 'no memory beside them is kept')
})

test('more combinations than are remembered', () => {
  const texts = new FlagTexts(Array.from({ length: 20 }, (_, slot) => `k${slot}`))
  for (let word = 0; word < 5000; word++) texts.list(word << 5, word, 'seen-before')
  assert.equal(texts.list(1, 0, 'seen-before'), '(\\Seen)')
})

test('RFC 9051 §2.3.2: flags have no case, keywords keep theirs', () => {
  assert.deepEqual(flagsFrom(['\\sEEn', 'Work', '\\FLAGGED']), { system: 5, keywords: ['Work'] })
})
