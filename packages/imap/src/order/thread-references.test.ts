import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messageIds, referencesOf } from '@posthorn/mail'
import { Turn } from '../session/turn.ts'
import { orderRows, ranksOf } from './ranks.ts'
import { forestOctets } from './thread-forest.ts'
import { threadByReferences } from './thread-references.ts'

const noSubjects = { text: () => '', isReplyOrForward: () => false }

async function threads(rows: readonly (readonly [own: number, ...references: number[]])[]): Promise<string> {
  const idCount = rows.flat().reduce((most, id) => Math.max(most, id), 0) + 1
  const input = {
    ownIds: rows.map(([own]) => own),
    references: rows.map(([, ...references]) => Uint32Array.from(references)),
    idCount,
    dateRanks: Uint32Array.from(rows, (_, at) => at),
  }
  const forest = await threadByReferences(input, noSubjects, new Turn())
  const numbers = Uint32Array.from(rows, (_, at) => at + 1)
  return (await forestOctets(forest, numbers, new Turn())).toString()
}

for (const { name, rows, expect } of [
  { name: 'a chain', rows: [[0], [1, 0], [2, 0, 1]], expect: '(1 2 3)' },
  { name: 'children before their parents', rows: [[2, 0, 1], [1, 0], [0]], expect: '(3 2 1)' },
  {
    name: 'two children of nobody',
    rows: [
      [1, 0],
      [2, 0],
    ],
    expect: '((1)(2))',
  },
  { name: 'one child of nobody rises', rows: [[1, 0]], expect: '(1)' },
  {
    name: 'dummies between dummies',
    rows: [
      [5, 0, 1, 2],
      [6, 0, 1, 3],
    ],
    expect: '((1)(2))',
  },
  {
    name: 'each refers to the other',
    rows: [
      [0, 1],
      [1, 0],
    ],
    expect: '(2 1)',
  },
  { name: 'refers to itself', rows: [[0, 0]], expect: '(1)' },
  { name: 'one identifier twice', rows: [[0], [0], [1, 0]], expect: '(1 3)(2)' },
  { name: 'own words count more than those of others', rows: [[2, 0, 1], [1], [0]], expect: '(2 1)(3)' },
  { name: 'no identifier', rows: [[-1], [-1]], expect: '(1)(2)' },
] as const)
  test(`RFC 5256 §3: THREAD=REFERENCES: ${name}`, async () => {
    assert.equal(await threads(rows), expect)
  })

test('RFC 5256 §3: a thread of 100,000 messages, in either order, needs no recursion', async () => {
  const count = 100_000
  const up = Array.from(
    { length: count },
    (_, at) => (at === 0 ? [0] : [at, at - 1]) as [number, ...number[]],
  )
  assert.equal((await threads(up)).slice(0, 12), '(1 2 3 4 5 6')
  assert.equal((await threads(up.toReversed())).slice(0, 20), '(100000 99999 99998 ')
})

test('RFC 5256 §3: identifiers with quotes, folded, nested brackets', () => {
  assert.deepEqual(messageIds('<"a"@b> <c\r\n @d><<e@f> x <> <g'), ['a@b', 'c@d', 'e@f'])
  assert.deepEqual(referencesOf('X: <no@x>\r\nreferences: <1@x>\r\n\t<2@x>\r\nY: <no@y>\r\n'), ['1@x', '2@x'])
  assert.equal(messageIds('<a@b>'.repeat(100_000)).length, 500)
})

test('RFC 5256 §3: sorting by ranks is stable, REVERSE too, and merges what was sorted in runs', async () => {
  const values = Array.from({ length: 10_000 }, (_, at) => `${(at * 7919) % 1000}`)
  const ranks = await ranksOf(values, new Turn())
  const rows = Uint32Array.from(values, (_, at) => at)
  for (const reverse of [false, true]) {
    const expected = [...rows].sort((a, b) => {
      const order = values[a]! < values[b]! ? -1 : values[a]! > values[b]! ? 1 : 0
      return (reverse ? -order : order) || a - b
    })
    assert.deepEqual([...(await orderRows(rows, [{ ranks, reverse }], new Turn()))], expected)
  }
})
