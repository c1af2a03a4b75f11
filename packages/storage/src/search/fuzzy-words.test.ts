import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foldCase } from '@posthorn/mail'
import { fuzzyQuery, wordScores } from './fuzzy-words.ts'

const best = (query: string, text: string): number => {
  const scores = wordScores(fuzzyQuery(query), foldCase(text))
  return Math.min(...scores)
}

const rows: readonly [query: string, text: string, score: number][] = [
  ['hello', 'Well, Hello there', 100],
  ['helo', 'hello world', 60],
  ['helo', 'help', 60],
  ['meeting', 'the meetings of may', 90],
  ['runs', 'running late', 90],
  ['invoice', 'invoices', 90],
  ['confer', 'conference', 80],
  ['acommodation', 'accommodation', 60],
  ['recieve', 'we receive it', 60],
  ['definately', 'definitely', 60],
  ['definatly', 'definitely', 40],
  ['cafe', 'Café', 100],
  ['STRASSE', 'Straße', 100],
  ['IMAP break', 'the break of IMAP', 100],
  ['imap break', 'breaks of IMAP', 90],
  ['bus', 'business', 80],
  ['ness', 'business', 55],
  ['ab', 'cab', 0],
  ['cat', 'dog', 0],
  ['hello', 'yellow submarine', 0],
  ['work', 'word', 60],
  ['会议', '明天的会议记录', 55],
  ['2024', 'year 2025', 60],
]

for (const [query, text, score] of rows) {
  test(`RFC 6203 §3: "${query}" in "${text}" scores ${score}`, () => assert.equal(best(query, text), score))
}

test('RFC 6203 §8: long words, many words and random strings stay cheap', () => {
  const long = 'x'.repeat(200_000)
  const startedMs = performance.now()
  assert.equal(best('abcdefgh', long), 0)
  assert.equal(best(`${'x'.repeat(60)}y`, long), 0)
  assert.equal(best('abcdefgh '.repeat(500), 'abcdefgh'), 100)
  assert.equal(best('abab', 'ab cd '.repeat(50_000)), 0)
  assert.ok(performance.now() - startedMs < 10_000)
})

test('RFC 6203 §3: signs alone have no words', () => assert.deepEqual(fuzzyQuery('--- !?').words, []))
