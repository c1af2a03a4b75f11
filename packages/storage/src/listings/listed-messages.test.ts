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

test('with many messages in any order each is found, while more are added', () => {
  const listed = new ListedMessages()
  const blocks = 300
  const perBlock = 40
  // Blocks descend, so that every one of them is out of order.
  const idOf = (number: number, at: number): number => (blocks - number) * 1_000 + at * 3
  for (let number = 0; number < blocks; number++) {
    listed.add(perBlock, block(...Array.from({ length: perBlock }, (_, at) => idOf(number, at))), 0)
    for (const known of [0, number >> 1, number]) {
      assert.equal(listed.rowOf(idOf(known, 7)), known * perBlock + 7)
      assert.equal(listed.rowOf(idOf(known, 7) + 1), undefined)
    }
  }
  listed.add(1, block(idOf(5, 5)), 0)
  listed.forget(20 * perBlock, perBlock)
  for (let number = 0; number < blocks; number++)
    for (let at = 0; at < perBlock; at++) {
      const last = number === 5 && at === 5 ? blocks * perBlock : number * perBlock + at
      assert.equal(listed.rowOf(idOf(number, at)), number === 20 ? undefined : last)
    }
})

/** 20,000 messages, each younger than the one behind it; `steps` of what is prepared were made. */
const descending = (steps: number) => {
  const listed = new ListedMessages()
  for (let from = 20_000; from > 0; from -= 1_000)
    listed.add(1_000, block(...Array.from({ length: 1_000 }, (_, at) => from - at)), 0)
  const preparing = listed.prepare()
  for (let step = 0; step < steps; step++) assert.equal(preparing.next().done, false)
  return { listed, preparing }
}

test('where messages are is prepared in steps, whatever happens between them', () => {
  const { listed, preparing } = descending(4)
  assert.equal(preparing.next().done, true)
  assert.equal([...listed.prepare()].length, 0, 'it is there')
  assert.deepEqual(rowsOf(listed, 20_000, 1, 9_000, 20_001), [0, 19_999, 11_000, undefined])
  const changes: Readonly<Record<string, (listed: ListedMessages) => void>> = {
    'a look': (each) => assert.equal(each.rowOf(1), 19_999),
    'more messages': (each) => each.add(2, block(30_000, 19_990), 0),
    damage: (each) => each.forget(10, 1),
  }
  for (const [name, change] of Object.entries(changes)) {
    const { listed: changed, preparing: rest } = descending(2)
    change(changed)
    assert.equal(rest.next().done, true, name)
    const last = { 'a look': 10, 'more messages': 20_001, damage: undefined }[name]
    assert.deepEqual(rowsOf(changed, 19_990, 1), [last, 19_999], name)
  }
  const ascending = new ListedMessages()
  ascending.add(3, block(1, 2, 3), 0)
  assert.equal([...ascending.prepare()].length, 0)
})
