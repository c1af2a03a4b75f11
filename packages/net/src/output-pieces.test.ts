import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joinPieces } from './output-pieces.ts'

const large = Buffer.alloc(100, 0x61)
const show = (pieces: readonly (Uint8Array | string)[]): string[] =>
  joinPieces(pieces, 50).map((piece) =>
    piece === large ? 'LARGE' : Buffer.from(piece as Uint8Array).toString(),
  )

test('texts stay one text, small pieces are copied together, large ones are not copied', () => {
  assert.deepEqual(joinPieces(['a', 'b'], 50), ['ab'])
  assert.deepEqual(show([]), [])
  assert.deepEqual(show([large]), ['LARGE'])
  assert.deepEqual(show(['a', Buffer.from('b'), 'c']), ['abc'])
  assert.deepEqual(show(['a', large, '.', 'b', large, large]), ['a', 'LARGE', '.b', 'LARGE', 'LARGE'])
  assert.deepEqual(show(['ä', Buffer.from('ö')]), ['äö'])
})

test('pieces that lie one behind the other in memory are one, without a copy', () => {
  const room = Buffer.from('abcdef'.repeat(30))
  const [first, second, third] = [room.subarray(0, 10), room.subarray(10, 80), room.subarray(90, 180)]
  const joined = joinPieces([first, second, third, third, 'x'], 50) as Uint8Array[]
  assert.deepEqual(
    joined.map(({ length }) => length),
    [80, 90, 90, 1],
  )
  assert.equal(joined[0]?.buffer, room.buffer)
  assert.deepEqual(Buffer.concat(joined), Buffer.concat([first, second, third, third, Buffer.from('x')]))
})
