import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { crc32 } from '../checksum.ts'
import type { CompactReport } from '../contract.ts'
import type { Engine } from '../engine.ts'
import type { Unit } from '../kv/unit.ts'
import { Snapshot } from '../kv/unit.ts'
import { segmentRows } from '../recovery/recover-segments.ts'
import { type BlobRow, blobKey, encodeBlobRow, frameBytesOf, readBlobRow } from '../rows/blob-row.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import { encodeFrameHeader, frameHeaderBytes } from '../segments/frame.ts'
import { readFrames, type WholeFrame } from '../segments/frame-window.ts'
import { segmentPath } from '../segments/segment-path.ts'
import { addLiveBytes, readSegmentRow, segmentKey } from '../segments/segment-row.ts'
import type { PendingFrame, SegmentWriter } from '../segments/segment-writer.ts'
import { livingShare } from './seal-sparse.ts'

/** Octets copied with one sync. */
const batchBytes = 1024 * 1024
const maxPauseMs = 100

export interface CompactPlace {
  readonly engine: Engine
  readonly writer: SegmentWriter
  readonly files: FileLayer
  readonly directory: string
}

interface Moving {
  readonly blobId: number
  readonly row: BlobRow
  readonly frame: PendingFrame
}

/** Copies are on disk before the index names them, and the index is on disk before the old file goes. */
export const compactSegments = async (place: CompactPlace): Promise<CompactReport> => {
  const report = { segmentsRemoved: 0, copiedBytes: 0, freedBytes: 0 }
  for (const { segment, lengthBytes, liveBytes } of candidates(place)) {
    // What cannot be read keeps none of the others from giving room.
    if (place.files.sizeOf(segmentPath(place.directory, segment)) === undefined && liveBytes > 0) continue
    const copied = liveBytes > 0 ? await moveOut(place, segment, lengthBytes) : 0
    report.copiedBytes += copied
    if (await removeEmpty(place, segment)) {
      report.segmentsRemoved++
      report.freedBytes += lengthBytes - copied
    }
    await nextTurn()
  }
  return report
}

const candidates = ({
  engine,
}: CompactPlace): { segment: number; lengthBytes: number; liveBytes: number }[] => {
  const found: { segment: number; lengthBytes: number; liveBytes: number }[] = []
  for (const { segment, row } of segmentRows(new Snapshot(engine.environment))) {
    const sparse = row.shape === 'single' ? row.liveBytes <= 0 : row.liveBytes < row.lengthBytes * livingShare
    if (row.state === 'sealed' && sparse && !row.isDamaged) {
      found.push({ segment, lengthBytes: row.lengthBytes, liveBytes: row.liveBytes })
    }
  }
  // On a full disk those that give room without taking any go first.
  return found.sort((a, b) => a.liveBytes - b.liveBytes)
}

const isAt = (row: BlobRow | undefined, segment: number, offset: number): row is BlobRow =>
  row !== undefined && row.segment === segment && row.offset === offset

const moveOut = async (place: CompactPlace, segment: number, lengthBytes: number): Promise<number> => {
  const { engine, files, directory } = place
  const file = files.openRead(segmentPath(directory, segment))
  let copied = 0
  let batch: Moving[] = []
  let octets = 0
  let beganMs = performance.now()
  const finish = async (): Promise<void> => {
    await indexCopies(place, segment, batch)
    copied += octets
    batch = []
    octets = 0
    // As long again: half of the disk and of the processor are for mail.
    await delay(Math.min(maxPauseMs, performance.now() - beganMs))
    beganMs = performance.now()
  }
  try {
    for await (const found of readFrames(files, file, lengthBytes)) {
      const { header, offset } = found
      const row = readBlobRow(new Snapshot(engine.environment), header.blobId)
      if (!isAt(row, segment, offset)) continue
      const frame = await copyFrame(place, found)
      if (frame === undefined) continue
      batch.push({ blobId: header.blobId, row, frame })
      octets += frame.sizeBytes
      if (octets >= batchBytes) await finish()
    }
    if (batch.length > 0) await finish()
  } finally {
    files.close(file)
  }
  return copied
}

/** Octet for octet, marked as moved. A damaged frame stays where it is, for `check` to report. */
const copyFrame = async (
  { writer }: CompactPlace,
  { header, bytes }: WholeFrame,
): Promise<PendingFrame | undefined> => {
  const end = frameHeaderBytes + header.bodyBytes
  if (crc32(bytes.subarray(frameHeaderBytes, end)) !== header.bodyCrc) return undefined
  while (!writer.hasRoom(bytes.length)) await writer.makeRoom()
  const moved = [encodeFrameHeader({ ...header, kind: 'moved' }), bytes.subarray(frameHeaderBytes)]
  return writer.append(bytes.length, () => moved)
}

const indexCopies = async (
  { engine, writer }: CompactPlace,
  segment: number,
  batch: readonly Moving[],
): Promise<void> => {
  try {
    // An empty unit: its group writes and syncs the copies.
    await engine.commit.runFreeing(() => {})
    await engine.commit.runFreeing((unit) => {
      for (const moving of batch) moveRow(unit, segment, moving)
    })
  } finally {
    for (const { frame } of batch) writer.settle(frame)
  }
}

/** Deleted or changed meanwhile: the row as it is now counts. */
const moveRow = (unit: Unit, segment: number, { blobId, row: former, frame }: Moving): void => {
  if (frame.state !== 'written') throw frame.state
  const row = readBlobRow(unit, blobId)
  if (!isAt(row, segment, former.offset)) return
  unit.put(blobKey(blobId), encodeBlobRow({ ...row, segment: frame.segment, offset: frame.offset }))
  addLiveBytes(unit, segment, -frameBytesOf(row))
  addLiveBytes(unit, frame.segment, frameBytesOf(row))
}

const removeEmpty = async ({ engine, files, directory }: CompactPlace, segment: number): Promise<boolean> => {
  const gone = await engine.commit.runFreeing((unit) => {
    const row = readSegmentRow(unit, segment)
    if (row === undefined || row.state !== 'sealed' || row.liveBytes > 0 || row.isDamaged) return false
    unit.remove(segmentKey(segment))
    return true
  })
  if (!gone) return false
  // An index that power failure took back would name it.
  await engine.flushIndex()
  engine.segments.forget(segment)
  files.unlink(segmentPath(directory, segment))
  // One that power failure brings back is no longer known to be empty.
  await files.syncDirectory(directory)
  return true
}
