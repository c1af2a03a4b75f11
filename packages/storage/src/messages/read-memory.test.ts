import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReadMemory } from './read-memory.ts'

test('memory of a batch is used again only when its reader is done with it', () => {
  let free = true
  const memory = new ReadMemory(() => free)
  const own = memory.forBatch(0)(1_000)
  const first = memory.forBatch(1)
  const [a, b] = [first(1_000), first(1_000)]
  assert.equal(b.byteOffset - a.byteOffset, 1_000)
  assert.notEqual(own.buffer, a.buffer, 'the first batch may be the only one')
  const again = memory.forBatch(2)(500)
  assert.deepEqual([again.buffer === a.buffer, again.byteOffset], [true, a.byteOffset])
  free = false
  assert.notEqual(memory.forBatch(3)(500).buffer, a.buffer)
})

test('while one batch is on its way the next one has other memory, and the one after it the first again', () => {
  let sent = -1
  const memory = new ReadMemory((batch) => batch <= sent)
  const places: ArrayBufferLike[] = []
  for (let batch = 0; batch < 9; batch++) {
    sent = batch - 2
    places.push(memory.forBatch(batch)(1_000).buffer)
  }
  assert.equal(new Set(places).size, 3)
  for (let batch = 3; batch < 9; batch++) assert.equal(places[batch], places[batch - 2])
})

test('what a batch has read so far is never overwritten by its own reads', () => {
  const memory = new ReadMemory(() => true)
  const allocate = memory.forBatch(1)
  const parts = Array.from({ length: 12 }, (_, n) => allocate(700_000 + n).fill(n))
  parts.push(allocate(20_000_000).fill(12))
  for (const [n, part] of parts.entries()) assert.ok(part.every((octet) => octet === n))
})
