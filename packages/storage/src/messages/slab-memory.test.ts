import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SlabMemory } from './slab-memory.ts'

const chunkOf = (octet: number, lengthBytes: number): Buffer => Buffer.alloc(lengthBytes, octet)

test('copies stay as they are until they are released, and their memory is used again then', () => {
  let heldBytes = 0
  const slabs = new SlabMemory((octets) => {
    heldBytes += octets
  })
  const copies = [1, 2, 3, 4, 5].map((octet) => slabs.copy(chunkOf(octet, 30_000)))
  const taken = slabs.take()
  assert.equal(heldBytes, 3 * 65_536)
  // What comes while the first are being written.
  const later = slabs.copy(chunkOf(6, 30_000))
  assert.deepEqual(
    copies.map((copy) => copy.equals(chunkOf(copy[0]!, 30_000)) && copy[0]),
    [1, 2, 3, 4, 5],
  )
  slabs.release(taken)
  const again = [7, 8, 9, 10, 11, 12, 13].map((octet) => slabs.copy(chunkOf(octet, 30_000)))
  assert.equal(heldBytes, 4 * 65_536, 'four slabs are enough for all of it')
  assert.ok(later.equals(chunkOf(6, 30_000)))
  for (const copy of again) assert.ok(copy.equals(chunkOf(copy[0]!, 30_000)))
  slabs.close()
  assert.equal(heldBytes, 0)
})

test('a chunk longer than a slab has memory of its own, for once', () => {
  let heldBytes = 0
  const slabs = new SlabMemory((octets) => {
    heldBytes += octets
  })
  const copy = slabs.copy(chunkOf(1, 200_000))
  slabs.copy(chunkOf(2, 10))
  assert.equal(heldBytes, 265_536)
  assert.ok(copy.equals(chunkOf(1, 200_000)))
  slabs.release(slabs.take())
  assert.equal(heldBytes, 65_536)
  slabs.close()
  assert.equal(heldBytes, 0)
})
