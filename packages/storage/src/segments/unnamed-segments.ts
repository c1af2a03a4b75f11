import { readdirSync } from 'node:fs'
import { StoreError } from '../contract.ts'
import { keyOfText, tables } from '../kv/keys.ts'
import type { Reader } from '../kv/unit.ts'
import { readNumberRow } from '../rows/seal.ts'
import type { FileLayer } from './file-layer.ts'
import { segmentOfName, segmentPath } from './segment-path.ts'
import { readSegmentRow } from './segment-row.ts'

export interface UnnamedSegment {
  readonly segment: number
  readonly sizeBytes: number
  /** 'ahead': the index has not given this number yet, so it is older than the file; 'unknown': it cannot say. */
  readonly number: 'given' | 'ahead' | 'unknown'
}

/**
 * Files of segments that the index has no row of. A number is given before its file is made, and a row goes before its
 * file: a crash leaves files whose number was given, and no others.
 */
export const unnamedSegments = (
  { files, directory }: { readonly files: FileLayer; readonly directory: string },
  reader: () => Reader,
): readonly UnnamedSegment[] => {
  const numbers = readdirSync(directory).flatMap((name) => segmentOfName(name) ?? [])
  // What is made after the look at the folder is not asked for.
  const index = reader()
  const next = nextSegment(index)
  const kindOf = (segment: number): UnnamedSegment['number'] =>
    next === undefined ? 'unknown' : segment < next ? 'given' : 'ahead'
  return numbers
    .filter((segment) => readSegmentRow(index, segment) === undefined)
    .flatMap((segment) => {
      const sizeBytes = files.sizeOf(segmentPath(directory, segment))
      return sizeBytes === undefined ? [] : [{ segment, sizeBytes, number: kindOf(segment) }]
    })
}

/** undefined: its row is damaged. */
const nextSegment = (index: Reader): number | undefined => {
  const key = keyOfText(tables.meta, 'next-segment')
  const row = index.get(key)
  try {
    return row === undefined ? 1 : readNumberRow(key, row)
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'corrupt') return undefined
    throw error
  }
}
