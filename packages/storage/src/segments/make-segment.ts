import type { GroupCommit } from '../kv/group-commit.ts'
import { keyOfText, tables } from '../kv/keys.ts'
import { refusalOf } from '../kv/no-space.ts'
import type { Unit } from '../kv/unit.ts'
import { numberRow, readNumberRow } from '../rows/seal.ts'
import type { FileLayer } from './file-layer.ts'
import { segmentPath } from './segment-path.ts'
import { type SegmentRow, writeSegmentRow } from './segment-row.ts'

/** A segment that this process appends to. */
export interface OpenSegment {
  readonly number: number
  readonly file: number
  /** End of the last frame that was taken in. */
  lengthBytes: number
  writtenBytes: number
  syncedBytes: number
  /** Under way: until they end the file stays open. */
  syncs: number
}

export interface SegmentPlace {
  readonly files: FileLayer
  readonly directory: string
  readonly owner: number
}

/** A new segment file with its row; the name is durable. Throws 'no-space'. */
export const makeSegment = async (
  { files, directory, owner }: SegmentPlace,
  commit: GroupCommit,
  shape: SegmentRow['shape'],
): Promise<OpenSegment> => {
  const number = await commit.run((unit) => takeNumber(unit, owner, shape))
  try {
    const file = files.create(segmentPath(directory, number))
    await files.syncDirectory(directory)
    return { number, file, lengthBytes: 0, writtenBytes: 0, syncedBytes: 0, syncs: 0 }
  } catch (error) {
    throw refusalOf(error)
  }
}

const takeNumber = (unit: Unit, owner: number, shape: SegmentRow['shape']): number => {
  const key = keyOfText(tables.meta, 'next-segment')
  const row = unit.get(key)
  const next = row === undefined ? 1 : readNumberRow(key, row)
  unit.put(key, numberRow(key, next + 1))
  writeSegmentRow(unit, next, { owner, state: 'open', shape, syncedBytes: 0, lengthBytes: 0, liveBytes: 0 })
  return next
}
