import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { awaitForeignBlob, type Engine } from './engine.ts'
import { closeEnvironment, openEnvironment } from './kv/environment.ts'
import { GroupCommit } from './kv/group-commit.ts'
import { type SegmentRow, writeSegmentRow } from './segments/segment-row.ts'
import { blobIdAt } from './segments/segment-writer.ts'

const own = 7
const foreign = 8

const rowOf = (part: Partial<SegmentRow>): SegmentRow => ({
  owner: foreign,
  state: 'open',
  shape: 'shared',
  syncedBytes: 1_000,
  lengthBytes: 5_000,
  liveBytes: 5_000,
  ...part,
})

test('who refers to octets of another process awaits their sync, once for each segment', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-foreign-'))
  const environment = openEnvironment(join(directory, 'index.mdb'), 'synced')
  const commit = new GroupCommit(environment, [])
  const synced: number[] = []
  const segments = { sync: async (segment: number) => void synced.push(segment) }
  const engine = { self: { token: own }, segments } as unknown as Engine
  const refer = async (...blobIds: number[]): Promise<number[]> => {
    synced.length = 0
    const decided = new Set<number>()
    await commit.run((unit) => {
      for (const blobId of blobIds) awaitForeignBlob(engine, unit, blobId, decided)
    })
    return [...synced]
  }
  try {
    await commit.run((unit) => {
      writeSegmentRow(unit, 1, rowOf({ owner: own }))
      writeSegmentRow(unit, 2, rowOf({}))
      writeSegmentRow(unit, 3, rowOf({ state: 'sealed' }))
      writeSegmentRow(unit, 4, rowOf({}))
    })
    assert.deepEqual(await refer(blobIdAt(1, 2_000)), [], 'its own are synced with the group')
    assert.deepEqual(await refer(blobIdAt(3, 2_000)), [], 'of a sealed segment all are on the disk')
    assert.deepEqual(await refer(blobIdAt(9, 0)), [], 'moved: the segment is gone')
    assert.deepEqual(await refer(blobIdAt(2, 999)), [], 'synced before')
    assert.deepEqual(await refer(blobIdAt(2, 999), blobIdAt(2, 1_000)), [2])
    assert.deepEqual(await refer(blobIdAt(2, 1_000), blobIdAt(4, 3_000), blobIdAt(2, 4_000)), [2, 4])
  } finally {
    await commit.close()
    await closeEnvironment(environment)
    rmSync(directory, { recursive: true })
  }
})
