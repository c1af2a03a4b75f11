import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { realFileLayer } from './file-layer.ts'
import { segmentPath } from './segment-path.ts'
import { SegmentReader } from './segment-reader.ts'

/** A segment whose reads at once take the time that is said, and count for the disk where that is said. */
const prepare = (t: TestContext) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-segment-reader-'))
  writeFileSync(segmentPath(directory, 1), Buffer.alloc(4096, 'x'))
  const disk = { takesMs: 0, reads: 0, counts: true }
  const files = {
    ...realFileLayer,
    readSync(file: number, target: Uint8Array, position: number) {
      const untilMs = performance.now() + disk.takesMs
      while (performance.now() < untilMs);
      if (disk.takesMs > 0 && disk.counts) disk.reads += 8
      return realFileLayer.readSync(file, target, position)
    },
  }
  const reader = new SegmentReader(directory, files, () => disk.reads)
  t.after(() => {
    reader.close()
    rmSync(directory, { recursive: true })
  })
  return { disk, readNow: () => reader.readNow(1, 0, Buffer.alloc(4096)) }
}

test('a read that waited for the disk leaves the next ones to other threads, more of them after each', (t) => {
  const { disk, readNow } = prepare(t)
  assert.equal(readNow(), true)
  disk.takesMs = 2
  assert.equal(readNow(), true)
  for (let n = 0; n < 4; n++) assert.equal(readNow(), false)
  assert.equal(readNow(), true)
  for (let n = 0; n < 16; n++) assert.equal(readNow(), false)
  disk.takesMs = 0
  for (let n = 0; n < 3; n++) assert.equal(readNow(), true)
})

test('a read that other processes held up says nothing of the disk', (t) => {
  const { disk, readNow } = prepare(t)
  disk.counts = false
  disk.takesMs = 2
  for (let n = 0; n < 3; n++) assert.equal(readNow(), true)
  disk.takesMs = 11
  assert.equal(readNow(), true)
  assert.equal(readNow(), false, 'a file system that does not count its reads')
})
