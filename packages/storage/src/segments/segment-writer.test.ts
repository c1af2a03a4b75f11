import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { StoreError } from '../contract.ts'
import { closeEnvironment, openEnvironment } from '../kv/environment.ts'
import { GroupCommit } from '../kv/group-commit.ts'
import { type FileLayer, realFileLayer } from './file-layer.ts'
import { readSegmentRow } from './segment-row.ts'
import { type PendingFrame, SegmentWriter } from './segment-writer.ts'

/** A writer with an open segment, and the offsets below which all is said to be settled. */
const openWriter = async (t: TestContext, files: FileLayer) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-writer-'))
  const environment = openEnvironment(join(directory, 'index.mdb'), 'synced')
  const settled: number[] = []
  const self = { token: 7, path: '' } as unknown as ConstructorParameters<typeof SegmentWriter>[2]
  const events = { settled: (_: number, offset: number) => settled.push(offset), removeUnsynced: () => {} }
  const writer = new SegmentWriter(directory, files, self, events)
  const commit = new GroupCommit(environment, [writer])
  writer.attach(commit)
  t.after(async () => {
    await commit.close()
    await closeEnvironment(environment)
    rmSync(directory, { recursive: true })
  })
  await writer.makeRoom()
  const append = (sizeBytes: number): PendingFrame =>
    writer.append(sizeBytes, () => [Buffer.alloc(sizeBytes)])
  return { writer, commit, settled, append }
}

test('a segment is settled up to its first frame that is not decided', async (t) => {
  const { writer, settled, append } = await openWriter(t, realFileLayer)
  const [first, second, third] = [append(10), append(20), append(30)] as const
  writer.settle(second)
  writer.settle(third)
  writer.settle(first)
  assert.deepEqual(settled, [0, 0, 60])
  writer.settle(append(5))
  assert.equal(settled.at(-1), 65)
})

test('a frame that could not be written settles nothing: its place goes to the next', async (t) => {
  let broken = true
  const { writer, commit, settled, append } = await openWriter(t, {
    ...realFileLayer,
    writeSync(...call) {
      if (broken) throw Object.assign(new Error('no room'), { code: 'ENOSPC' })
      realFileLayer.writeSync(...call)
    },
  })
  const failed = append(10)
  await commit.run(() => {})
  assert.ok(failed.state instanceof StoreError && failed.state.kind === 'no-space')
  broken = false
  const next = append(10)
  await commit.run(() => {})
  assert.deepEqual([next.state, next.offset], ['written', failed.offset])
  writer.settle(failed)
  assert.deepEqual(settled, [])
  writer.settle(next)
  assert.deepEqual(settled, [10])
})

test('20,000 frames at once settle in time that grows with their number only', async (t) => {
  const { writer, settled, append } = await openWriter(t, realFileLayer)
  const frames = Array.from({ length: 20_000 }, () => append(1))
  const startedMs = performance.now()
  for (const frame of frames.reverse()) writer.settle(frame)
  // The square of it, 200 million steps, takes seconds.
  assert.ok(performance.now() - startedMs < 500)
  assert.equal(settled.length, 20_000)
})

test('a segment is sealed only when it is decided what becomes of all its frames', async (t) => {
  const { writer, commit, append } = await openWriter(t, realFileLayer)
  const number = writer.current?.number as number
  const state = () => commit.run((unit) => readSegmentRow(unit, number)?.state)
  const frame = append(10)
  await commit.run(() => {})
  await writer.seal()
  assert.equal(await state(), 'open', 'nothing names it, and its unit may still come')
  writer.settle(frame)
  await writer.seal()
  assert.equal(await state(), 'sealed')
  assert.equal(writer.hasRoom(1), false)
})

test('a segment that is being synced is not closed', async (t) => {
  let ended: (() => void)[] = []
  const { writer, commit, append } = await openWriter(t, {
    ...realFileLayer,
    dataSync: () => new Promise<void>((resolve) => ended.push(resolve)),
  })
  const number = writer.current?.number as number
  writer.settle(append(10))
  await commit.run(() => {})
  const slow = writer.syncWritten()
  const sealed = writer.seal()
  ended.at(-1)?.()
  await commit.run(() => {})
  assert.equal(await commit.run((unit) => readSegmentRow(unit, number)?.state), 'open')
  for (const end of ended) end()
  ended = []
  await Promise.all([slow, sealed])
  assert.equal(await commit.run((unit) => readSegmentRow(unit, number)?.state), 'sealed')
})
