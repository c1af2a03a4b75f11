import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeFrames, encodeFrames, type JournalRecord } from './journal-frame.ts'

const records: JournalRecord[] = Array.from({ length: 20 }, (_, n) => ({
  sequence: n * 1_000_000,
  key: Buffer.from(`key ${n}`),
  value: n % 3 === 0 ? null : Buffer.alloc(n * 10, n),
}))

test('records come back; a file cut anywhere gives whole frames only', () => {
  const frames = records.flatMap((record) => encodeFrames([record]))
  const whole = Buffer.concat(frames)
  assert.deepEqual([...decodeFrames(whole)], records)
  for (let length = 0; length < whole.length; length++) {
    const found = [...decodeFrames(whole.subarray(0, length))]
    assert.deepEqual(found, records.slice(0, found.length))
  }
})

test('a changed octet ends the journal there', () => {
  const whole = Buffer.concat(records.flatMap((record) => encodeFrames([record])))
  for (let at = 0; at < whole.length; at += 7) {
    const damaged = Buffer.from(whole)
    damaged[at] = (damaged[at] as number) ^ 0x40
    const found = [...decodeFrames(damaged)]
    assert.ok(found.length < records.length)
    assert.deepEqual(found, records.slice(0, found.length))
  }
})
