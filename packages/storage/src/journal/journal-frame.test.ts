import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeFrames, type JournalRecord, salvageFrames } from './journal-frame.ts'

const records: JournalRecord[] = Array.from({ length: 20 }, (_, n) => ({
  sequence: n * 1_000_000,
  key: Buffer.from(`key ${n}`),
  value: n % 3 === 0 ? null : Buffer.alloc(n * 10, n),
}))

const salvage = (bytes: Buffer): { found: JournalRecord[]; gaps: [number, number][] } => {
  const gaps: [number, number][] = []
  return { found: [...salvageFrames(bytes, (from, to) => gaps.push([from, to]))], gaps }
}

test('records come back; a file cut anywhere gives whole frames only, and says what is none', () => {
  const frames = records.flatMap((record) => encodeFrames([record]))
  const whole = Buffer.concat(frames)
  assert.deepEqual(salvage(whole), { found: records, gaps: [] })
  for (let length = 0; length < whole.length; length++) {
    const { found, gaps } = salvage(whole.subarray(0, length))
    assert.deepEqual(found, records.slice(0, found.length))
    const read = frames.slice(0, found.length).reduce((sum, frame) => sum + frame.length, 0)
    assert.deepEqual(gaps, read < length ? [[read, length]] : [])
  }
})

test('a changed octet costs its frame alone', () => {
  const frames = records.flatMap((record) => encodeFrames([record]))
  const whole = Buffer.concat(frames)
  for (let at = 0; at < whole.length; at += 7) {
    const damaged = Buffer.from(whole)
    damaged[at] = (damaged[at] as number) ^ 0x40
    const { found, gaps } = salvage(damaged)
    let from = 0
    const hit = frames.findIndex((frame) => {
      from += frame.length
      return at < from
    })
    assert.deepEqual(found, records.toSpliced(hit, 1))
    assert.deepEqual(gaps, [[from - (frames[hit] as Buffer).length, from]])
  }
})
