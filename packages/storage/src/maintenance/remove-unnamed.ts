import type { Engine } from '../engine.ts'
import { IndexMoment } from '../kv/index-moment.ts'
import { tables } from '../kv/keys.ts'
import { Snapshot } from '../kv/unit.ts'
import { openBlobRow } from '../rows/blob-row.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import { segmentPath } from '../segments/segment-path.ts'
import { unnamedSegments } from '../segments/unnamed-segments.ts'
import { noting } from './index-facts.ts'

export interface UnnamedPlace {
  readonly engine: Engine
  readonly files: FileLayer
  readonly segmentDirectory: string
}

/**
 * Files that a crash left between the end of a segment's row and its own. One that a message is in after all, or that could
 * be in a damaged row, stays; `check` tells of it. Throws what `mayGoOn` throws.
 */
export const removeUnnamed = async (
  { engine, files, segmentDirectory }: UnnamedPlace,
  mayGoOn: () => void,
): Promise<void> => {
  const look = () =>
    unnamedSegments({ files, directory: segmentDirectory }, () => new Snapshot(engine.environment))
      .filter(({ number }) => number === 'given')
      .map(({ segment }) => segment)
  const left = new Set(look())
  if (left.size === 0) return
  const moment = new IndexMoment(engine.environment, mayGoOn)
  try {
    await moment.eachRow(tables.blob, (key, value) => {
      const row = noting([], () => openBlobRow(key, value))
      if (row === undefined) left.clear()
      else left.delete(row.segment)
    })
  } finally {
    moment.release()
  }
  if (left.size === 0) return
  // An index that power failure took back would name them.
  await engine.flushIndex()
  for (const segment of look()) if (left.has(segment)) files.unlink(segmentPath(segmentDirectory, segment))
  await files.syncDirectory(segmentDirectory)
}
