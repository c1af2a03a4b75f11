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
