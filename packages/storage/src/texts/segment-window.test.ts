import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { segmentPath } from '../segments/segment-path.ts'
import { SegmentWindow } from './segment-window.ts'

test('octets of a segment, whatever was read before; none behind its end', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'window-'))
  t.after(() => rm(directory, { recursive: true }))
  const octets = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, at) => (at * 7919) >> 3))
  mkdirSync(dirname(segmentPath(directory, 1)), { recursive: true })
  writeFileSync(segmentPath(directory, 1), octets)
  writeFileSync(segmentPath(directory, 2), octets.subarray(1))
  const window = new SegmentWindow(directory)
  let state = 11
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % limit
  }
  for (let round = 0; round < 500; round++) {
    const segment = 1 + below(2)
    const whole = segment === 1 ? octets : octets.subarray(1)
    assert.ok(window.open(segment))
    for (let reads = below(5); reads >= 0; reads--) {
      const position = below(310_000)
      const lengthBytes = below(below(2) === 0 ? 100 : 200_000)
      const ahead = below(3) * 70_000
      const read = window.read(position, lengthBytes, ahead)
      const expected =
        position + lengthBytes <= whole.length ? whole.subarray(position, position + lengthBytes) : undefined
      if (lengthBytes > 0) assert.deepEqual(read?.equals(expected ?? Buffer.of()), expected && true)
    }
  }
  assert.equal(window.open(3), false)
  assert.ok(window.open(1))
  window.close()
})
