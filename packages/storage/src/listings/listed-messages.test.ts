import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ListedMessages } from './listed-messages.ts'

/** A block as it lies in a file: id, blob and octets of each message. */
const block = (...ids: readonly number[]): Buffer => {
  const columns = Float64Array.from(ids.flatMap((id) => [id, id * 10, id * 100]))
  return Buffer.from(columns.buffer)
}

const rowsOf = (listed: ListedMessages, ...ids: readonly number[]): (number | undefined)[] =>
  ids.map((id) => listed.rowOf(id))

test('rows of messages are found, in ascending files and in others', () => {
  const listed = new ListedMessages()
  assert.equal(listed.rowOf(3), undefined)
  listed.add(3, block(3, 5, 9), 0)
  assert.deepEqual(rowsOf(listed, 3, 5, 9, 4, 2, 10), [0, 1, 2, undefined, undefined, undefined])
  listed.add(2, block(11, 12), 0)
  assert.deepEqual(rowsOf(listed, 9, 12, 10), [2, 4, undefined])
  assert.equal(listed.find(5, 50, 500, 99), 1)
  assert.equal(listed.find(5, 51, 500, 99), -1, 'another message with its id')
  // A message that was made again stands behind: its last row counts.
  listed.add(2, block(4, 5), 0)
  assert.deepEqual(rowsOf(listed, 3, 4, 5, 12, 6), [0, 5, 6, 4, undefined])
})

test('of a damaged block nothing is found', () => {
  const listed = new ListedMessages()
  listed.add(2, block(3, 5), 0)
  listed.add(2, block(7, 8), 0)
  listed.forget(0, 2)
  assert.deepEqual(rowsOf(listed, 3, 5, 7, 8, -1), [undefined, undefined, 2, 3, undefined])
})
