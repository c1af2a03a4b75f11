import { setImmediate as nextTurn } from 'node:timers/promises'
import { crc32 } from '../checksum.ts'
import type { Environment } from '../kv/environment.ts'
import type { GroupCommit } from '../kv/group-commit.ts'
import { keyAfter, keyOfTable, read64, tables } from '../kv/keys.ts'
import { type Reader, Snapshot, type Unit } from '../kv/unit.ts'
import { type BlobRow, blobKey, decodeBlobRow, frameBytesOf } from '../rows/blob-row.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import { checksum, decodeFrameHeader, frameHeaderBytes } from '../segments/frame.ts'
import { segmentPath } from '../segments/segment-path.ts'
import {
  decodeSegmentRow,
  readSegmentRow,
  type SegmentRow,
  segmentKey,
  writeSegmentRow,
} from '../segments/segment-row.ts'
import { maxSegmentBytes } from '../segments/segment-writer.ts'
import { removeLost } from './remove-lost.ts'

export interface Recovery {
  readonly environment: Environment
  readonly commit: GroupCommit
  readonly files: FileLayer
  readonly directory: string
  readonly self: number
  readonly isLiving: (token: number) => boolean
}

/**
 * Takes over the open segments of processes that ended without closing the store. Frames behind the synced
 * mark are verified; what the index says of frames that did not survive is removed; the rest is synced
 * and sealed. Returns how many placements and queue entries were removed.
 */
export const recoverSegments = async (recovery: Recovery): Promise<number> => {
  const taken = await recovery.commit.run((unit) => takeOver(unit, recovery))
  let removed = 0
  for (const segment of taken) removed += await recoverSegment(recovery, segment)
  return removed
}

export function* segmentRows(reader: Reader): Generator<{ segment: number; row: SegmentRow }> {
  const start = keyOfTable(tables.segment)
  for (const { key, value } of reader.range({ start, end: keyAfter(start) })) {
    const segment = key.readUInt32BE(1)
    yield { segment, row: decodeSegmentRow(segment, value) }
  }
}

const takeOver = (unit: Unit, { self, isLiving }: Recovery): number[] => {
  const taken: number[] = []
  for (const { segment, row } of [...segmentRows(unit)]) {
    if (row.state === 'sealed' || row.owner === self || isLiving(row.owner)) continue
    writeSegmentRow(unit, segment, { ...row, owner: self })
    taken.push(segment)
  }
  return taken
}

const recoverSegment = async (recovery: Recovery, segment: number): Promise<number> => {
  const snapshot = new Snapshot(recovery.environment)
  const row = readSegmentRow(snapshot, segment)
  const path = segmentPath(recovery.directory, segment)
  const lengthBytes = recovery.files.sizeOf(path)
  const blobs = blobsOf(snapshot, segment).filter((blob) => blob.row.offset >= (row?.syncedBytes ?? 0))
  const lost = new Set<number>()
  if (lengthBytes === undefined) for (const { blobId } of blobs) lost.add(blobId)
  else await verify(recovery, path, blobs, lost)
  return recovery.commit.run((unit) => {
    const removed = removeLost(unit, lost)
    const present = readSegmentRow(unit, segment)
    if (present === undefined) return removed
    // An empty one may go at once: a message being received, or a segment just made.
    if (present.liveBytes <= 0 && !present.isDamaged) {
      unit.remove(segmentKey(segment))
      unit.afterCommit(() => recovery.files.unlink(path))
    } else {
      const sealed = {
        state: 'sealed',
        syncedBytes: lengthBytes ?? 0,
        lengthBytes: lengthBytes ?? 0,
      } as const
      writeSegmentRow(unit, segment, { ...present, ...sealed })
    }
    return removed
  })
}

/** Blobs whose first and present place is this segment. (Compaction syncs its copies before it indexes them.) */
export const blobsOf = (reader: Reader, segment: number): { blobId: number; row: BlobRow }[] => {
  const range = { start: blobKey(segment * maxSegmentBytes), end: blobKey((segment + 1) * maxSegmentBytes) }
  const blobs: { blobId: number; row: BlobRow }[] = []
  for (const { key, value } of reader.range(range)) {
    const row = decodeBlobRow(value)
    if (row.segment === segment) blobs.push({ blobId: read64(key, 1), row })
  }
  return blobs
}

const verify = async (
  { files }: Recovery,
  path: string,
  blobs: readonly { blobId: number; row: BlobRow }[],
  lost: Set<number>,
): Promise<void> => {
  const file = files.openReadWrite(path)
  try {
    for (const { blobId, row } of blobs) {
      if (!(await isWhole(files, file, blobId, row))) lost.add(blobId)
      await nextTurn()
    }
    // What survived the process may still be in memory only.
    await files.dataSync(file)
  } finally {
    files.close(file)
  }
}

export const isWhole = async (
  files: FileLayer,
  file: number,
  blobId: number,
  row: BlobRow,
): Promise<boolean> => {
  const frame = Buffer.allocUnsafe(frameBytesOf(row))
  if ((await files.read(file, frame, row.offset)) < frame.length) return false
  const header = decodeFrameHeader(frame)
  if (header === undefined || header.blobId !== blobId || header.bodyBytes !== row.bodyBytes) return false
  const end = frameHeaderBytes + header.bodyBytes
  return (
    crc32(frame.subarray(frameHeaderBytes, end)) === header.bodyCrc &&
    checksum([frame.subarray(end)]) === header.tailCrc
  )
}
