import { setTimeout as delay } from 'node:timers/promises'
import type { Engine } from '../engine.ts'
import { Snapshot } from '../kv/unit.ts'
import { segmentRows } from '../recovery/recover-segments.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import { segmentPath } from '../segments/segment-path.ts'
import { readSegmentRow, type SegmentRow, writeSegmentRow } from '../segments/segment-row.ts'
import type { SegmentWriter } from '../segments/segment-writer.ts'

/** Segments with less living octets than this share are emptied. */
export const livingShare = 0.7

/** Others look each second whether they are asked. */
const sealWithinMs = 10_000
const lookAgainMs = 20

export interface SealPlace {
  readonly engine: Engine
  readonly writer: SegmentWriter
  readonly files: FileLayer
  readonly segmentDirectory: string
  readonly markers: { readonly isLiving: (token: number) => boolean }
}

const isSparse = (row: SegmentRow, lengthBytes: number, leastDeadBytes: number): boolean =>
  row.liveBytes < lengthBytes * livingShare && lengthBytes - row.liveBytes >= leastDeadBytes

/** Compaction empties sealed segments only: one that this process appends to, and of which much is dead, is sealed. */
export const sealOwnWhenSparse = async (
  { engine, writer }: SealPlace,
  leastDeadBytes: number,
): Promise<void> => {
  const open = writer.current
  const row = open && readSegmentRow(new Snapshot(engine.environment), open.number)
  if (row !== undefined && isSparse(row, open?.writtenBytes ?? 0, leastDeadBytes)) await writer.seal()
}

/** What another process asked for with `askOthersToSeal`. */
export const sealOwnWhenAsked = async ({ engine, writer }: SealPlace): Promise<void> => {
  const open = writer.current
  if (open === undefined) return
  if (readSegmentRow(new Snapshot(engine.environment), open.number)?.isToBeSealed) await writer.seal()
}

/** Resolves when they have done so, or seem too busy. */
export const askOthersToSeal = async (place: SealPlace): Promise<void> => {
  const { engine } = place
  const wanted = sparseOfOthers(place)
  if (wanted.length === 0) return
  await engine.commit.runFreeing((unit) => {
    for (const segment of wanted) {
      const row = readSegmentRow(unit, segment)
      if (row?.state === 'open') writeSegmentRow(unit, segment, { ...row, isToBeSealed: true })
    }
  })
  const untilMs = performance.now() + sealWithinMs
  const isOpen = (segment: number): boolean =>
    readSegmentRow(new Snapshot(engine.environment), segment)?.state === 'open'
  while (wanted.some(isOpen) && performance.now() < untilMs) await delay(lookAgainMs)
}

const sparseOfOthers = ({ engine, files, segmentDirectory, markers }: SealPlace): number[] => {
  const wanted: number[] = []
  for (const { segment, row } of segmentRows(new Snapshot(engine.environment))) {
    if (row.state === 'sealed' || row.shape === 'single' || row.isDamaged) continue
    if (row.owner === engine.self.token || !markers.isLiving(row.owner)) continue
    // The row of an open one says how much of it is synced.
    const lengthBytes = files.sizeOf(segmentPath(segmentDirectory, segment)) ?? 0
    if (isSparse(row, lengthBytes, 0)) wanted.push(segment)
  }
  return wanted
}
