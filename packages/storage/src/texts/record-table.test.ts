import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecordTable } from './record-table.ts'
import { encodeRecord, recordBytes, type TextRecord } from './text-record.ts'

const record = (messageId: number, over: Partial<TextRecord> = {}): TextRecord => ({
  messageId,
  blobId: messageId * 3 + 2 ** 40,
  sizeBytes: 100 + messageId,
  headAt: messageId * 10,
  headBytes: 7,
  headCrc: (0xffff_0000 + messageId) % 2 ** 32,
  bodyAt: 2 ** 33 + messageId * 50,
  partBytes: 5,
  bodyBytes: 30,
  bodyCrc: messageId % 2 ** 32,
  tooLong: false,
  stamp: messageId % 2 ** 32,
  ...over,
})

const find = (table: RecordTable, messageId: number): number =>
  table.find(messageId, messageId * 3 + 2 ** 40, 100 + messageId)

test('each message is found, whatever its id, as the table grows', () => {
  const table = new RecordTable()
  const ids = Array.from({ length: 5_000 }, (_, n) => (n % 2 === 0 ? n : n * 2 ** 20 + 7))
  const octets = Buffer.concat(ids.map((id) => encodeRecord(record(id))))
  for (let from = 0; from < octets.length; from += 701 * recordBytes)
    assert.equal(table.add(octets.subarray(from, from + 701 * recordBytes)) % recordBytes, 0)
  assert.equal(table.count, ids.length)
  for (const [number, id] of ids.entries()) {
    assert.equal(find(table, id), number)
    assert.equal(table.placesIn('head').starts[number], id * 10)
    assert.equal(table.placesIn('head').ends[number], id * 10 + 7)
    assert.equal(table.placesIn('head').crcs[number], (0xffff_0000 + id) % 2 ** 32)
    assert.equal(table.placesIn('body').ends[number], 2 ** 33 + id * 50 + 35)
    assert.equal(table.bodyStarts[number], 2 ** 33 + id * 50 + 5)
  }
  assert.equal(find(table, 2 ** 45), -1)
  assert.equal(table.find(4, 0, 104), -1, 'another blob')
  assert.equal(table.stamp, ids.at(-1)! % 2 ** 32)
})

test('the last record of a message counts; damaged and unfinished ones name nothing', () => {
  const table = new RecordTable()
  const damaged = encodeRecord(record(9))
  damaged[3]! ^= 1
  const octets = Buffer.concat([
    encodeRecord(record(1)),
    damaged,
    encodeRecord(record(2, { tooLong: true })),
    encodeRecord(record(1, { headAt: 999 })),
    encodeRecord(record(3)).subarray(0, 40),
  ])
  assert.equal(table.add(octets), 4 * recordBytes)
  assert.equal(table.count, 4)
  assert.equal(find(table, 1), 3)
  assert.equal(find(table, 9), -1)
  assert.equal(find(table, 3), -1)
  assert.deepEqual(
    [0, 1, 2, 3].map((number) => table.hasText(number)),
    [true, false, false, true],
  )
  assert.equal(table.add(encodeRecord(record(3))), recordBytes)
  assert.equal(find(table, 3), 4)
})

test('a message that is not there costs about what another does, however many are, and whatever their ids', () => {
  const count = 20_000
  const table = new RecordTable()
  table.add(Buffer.concat(Array.from({ length: count }, (_, id) => encodeRecord(record(id)))))
  const quickestMs = (from: number, expected: number): number => {
    const runs = Array.from({ length: 5 }, () => {
      const beganMs = performance.now()
      let hits = 0
      for (let id = from; id < from + count; id++) if (find(table, id) >= 0) hits++
      assert.equal(hits, expected)
      return performance.now() - beganMs
    })
    return Math.min(...runs)
  }
  const thereMs = quickestMs(0, count)
  // Behind the last one, where the next ones of a mailbox are, at the table's length and at multiples of it.
  for (const from of [count, 2 ** 15, 2 ** 16, 2 ** 17, 2 ** 33])
    assert.ok(quickestMs(from, 0) < Math.max(thereMs, 0.2) * 50, `ids from ${from}`)
})
