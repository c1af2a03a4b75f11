import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PieceMemory } from './piece-memory.ts'

test('memory is used again when its piece is gone, and not before', () => {
  const outlet = { backlogBytes: 0 }
  const memories = new PieceMemory(outlet, 10)
  const first = memories.take()
  memories.passed(first, 10)
  assert.equal(memories.take(), first)

  outlet.backlogBytes = 15
  memories.passed(first, 10)
  const second = memories.take()
  assert.notEqual(second, first, 'it waits')
  memories.passed(second, 10)
  outlet.backlogBytes = 10
  assert.equal(memories.take(), first, 'only what came after it waits')
  outlet.backlogBytes = 0
  assert.equal(memories.take(), second, 'the first was taken, and nothing of it was sent yet')
})

test('a client that takes nothing gets a new memory for each piece', () => {
  const outlet = { backlogBytes: 0 }
  const memories = new PieceMemory(outlet, 10)
  const taken = new Set<Buffer>()
  for (let n = 0; n < 20; n++) {
    const memory = memories.take()
    assert.ok(!taken.has(memory))
    taken.add(memory)
    memories.passed(memory, memory.length)
    outlet.backlogBytes += memory.length
  }
})
