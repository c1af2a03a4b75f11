import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PendingRows } from './pending-rows.ts'

const statesOf = (rows: PendingRows) =>
  [...rows.records()].map(({ sequence, key, value }) => [
    key.toString('latin1'),
    sequence,
    value === null ? null : value.toString('latin1'),
  ])

test('of each row the last state, whatever becomes of the octets that were given', () => {
  const rows = new PendingRows()
  const expected = new Map<string, [string, number, string | null]>()
  for (let n = 0; n < 5_000; n++) {
    const key = `k${n % 700}\xff`
    const isRemoved = n % 11 === 0
    const value = Buffer.alloc((n * 37) % 1_901, `${n} `)
    expected.set(key, [key, n, isRemoved ? null : value.toString('latin1')])
    rows.set(key, n, isRemoved ? null : value)
    value.fill(0)
  }
  assert.deepEqual(statesOf(rows), [...expected.values()])
})

test('the memory of rows that are written serves the next ones', () => {
  const rows = new PendingRows()
  const blocks = new Set<ArrayBufferLike>()
  for (let round = 0; round < 20; round++) {
    for (let n = 0; n < 600; n++) rows.set(`${round}-${n}`, n, Buffer.alloc(100, round))
    for (const { value } of rows.records()) if (value !== null) blocks.add(value.buffer)
    assert.equal(rows.size, 600)
    rows.clear()
    assert.equal(rows.size, 0)
  }
  assert.ok(blocks.size <= 2, `${blocks.size} blocks`)
})

test('a row that grows finds room where it is', () => {
  const rows = new PendingRows()
  const blocks = new Set<ArrayBufferLike>()
  for (let size = 0; size < 1_900; size += 10) {
    for (let n = 0; n < 5; n++) rows.set(`row ${n}`, size, Buffer.alloc(size, 97 + n))
    for (const { value } of rows.records()) if (value !== null) blocks.add(value.buffer)
  }
  assert.equal(blocks.size, 1)
  assert.deepEqual(statesOf(rows)[2], ['row 2', 1_890, 'c'.repeat(1_890)])
})

test('a value longer than a block', () => {
  const rows = new PendingRows()
  const long = Buffer.alloc(200_000, 'x')
  rows.set('short', 1, Buffer.from('a'))
  rows.set('long', 2, long)
  rows.set('after', 3, Buffer.from('b'))
  assert.deepEqual(statesOf(rows), [
    ['short', 1, 'a'],
    ['long', 2, long.toString()],
    ['after', 3, 'b'],
  ])
  rows.clear()
  rows.set('again', 4, Buffer.from('c'))
  assert.deepEqual(statesOf(rows), [['again', 4, 'c']])
})

test('newer states win, removals too', () => {
  const older = new PendingRows()
  older.set('a', 1, Buffer.from('old'))
  older.set('b', 1, Buffer.from('old'))
  older.set('c', 1, null)
  const newer = new PendingRows()
  newer.set('b', 2, null)
  newer.set('c', 2, Buffer.from('new'))
  newer.set('d', 2, Buffer.from('new'))
  older.add(newer)
  newer.clear()
  newer.set('z', 3, Buffer.alloc(64, 'z'))
  assert.deepEqual(statesOf(older), [
    ['a', 1, 'old'],
    ['b', 2, null],
    ['c', 2, 'new'],
    ['d', 2, 'new'],
  ])
})
