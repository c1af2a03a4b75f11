import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { FreeSpace } from './free-space.ts'

test('queue_minfree, and 1.5 times the announced size; the disk is looked at once a second', () => {
  let free = 1_000
  let looks = 0
  const clock = { ms: 0 }
  const space = new FreeSpace(
    () => clock.ms,
    () => {
      looks++
      return free
    },
  )
  const room = (sizeBytes: number, minFree = 0) => space.hasRoom('/x', sizeBytes, minFree)
  assert.deepEqual(
    [room(0), room(666), room(667), room(0, 1_000), room(0, 1_001)],
    [true, true, false, true, false],
  )
  assert.equal(looks, 1)
  free = 10
  assert.equal(room(600), true)
  clock.ms = 1_000
  assert.equal(room(600), false)
  assert.equal(looks, 2)
  free = 1_000
  clock.ms = -3_600_000
  assert.equal(room(600), true, 'the clock was set back')
})

test('a real disk has room; one that cannot be asked does not stop mail', () => {
  assert.equal(new FreeSpace(() => 0).hasRoom(tmpdir(), 1, 0), true)
  assert.equal(new FreeSpace(() => 0).hasRoom('/no/such/folder', 1, 1), true)
})
