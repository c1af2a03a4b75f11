import { type StagedMessage, StoreError } from '../contract.ts'
import type { Engine } from '../engine.ts'
import type { Unit } from '../kv/unit.ts'
import { createBlob, maxInlineSummaryBytes } from '../rows/blob-row.ts'
import type { DeliveryFacts } from '../segments/frame.ts'
import { readSegmentRow, type SegmentRow, writeSegmentRow } from '../segments/segment-row.ts'
import type { FramePlace, Staged } from './staging.ts'

export interface StagedWithFacts {
  readonly message: StagedMessage
  readonly facts: DeliveryFacts
}

/**
 * Writes the frames, then runs `work` with the blobs' ids in one unit. Frames are synced beside the
 * commit, and both are awaited. `work` gives each blob its references.
 */
export const placeAll = <T>(
  engine: Engine,
  staged: readonly StagedWithFacts[],
  work: (unit: Unit, blobIds: readonly number[]) => T,
): Promise<T> => placeWith(engine, staged, (enter) => engine.commit.run((unit) => work(unit, enter(unit))))

/** As `placeAll`, for work of several units: the first of them calls `enter`, which gives the blobs' ids. */
export const placeWith = async <T>(
  engine: Engine,
  staged: readonly StagedWithFacts[],
  work: (enter: (unit: Unit) => readonly number[]) => Promise<T>,
): Promise<T> => {
  const nowMs = engine.now()
  const places: FramePlace[] = []
  try {
    for (const { message, facts } of staged) places.push(await engine.stager.place(message, facts, nowMs))
    const result = await work((unit) => {
      for (const place of places) enterBlob(unit, place)
      return places.map((place) => place.header.blobId)
    })
    for (const { message } of staged) (message as Staged).placed()
    return result
  } finally {
    for (const { frame } of places) engine.stager.settle(frame)
  }
}

const enterBlob = (unit: Unit, { header, summary, frame }: FramePlace): void => {
  if (frame.state instanceof StoreError) throw frame.state
  if (frame.state !== 'written') throw new Error('Frame was not written before its unit')
  if (frame.offset === 0) sealSingle(unit, frame.segment, frame.sizeBytes)
  createBlob(unit, header.blobId, {
    segment: frame.segment,
    offset: frame.offset,
    bodyBytes: header.bodyBytes,
    headBytes: header.headBytes,
    factsBytes: header.factsBytes,
    summaryBytes: header.summaryBytes,
    references: 0,
    receivedMs: header.receivedMs,
    summary: summary.length <= maxInlineSummaryBytes ? summary : undefined,
  })
}

/** The file of one large message is whole now. */
const sealSingle = (unit: Unit, segment: number, sizeBytes: number): void => {
  const row: SegmentRow | undefined = readSegmentRow(unit, segment)
  if (row?.shape !== 'single') return
  writeSegmentRow(unit, segment, { ...row, state: 'sealed', syncedBytes: sizeBytes, lengthBytes: sizeBytes })
}
