import { basename } from 'node:path'
import { StoreError } from '../contract.ts'
import type { Environment } from '../kv/environment.ts'
import { Snapshot } from '../kv/unit.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import { segmentPath } from '../segments/segment-path.ts'
import { unnamedSegments } from '../segments/unnamed-segments.ts'
import { segmentRows } from './recover-segments.ts'

export interface SegmentsPlace {
  readonly environment: Environment
  readonly files: FileLayer
  readonly directory: string
  readonly segmentDirectory: string
}

/**
 * Of a store that nobody else has open: an index that was put beside younger segments would give their UIDs and numbers to
 * other messages.
 * @throws StoreError 'corrupt' when there is a segment that the index has not begun
 */
export const refuseOlderIndex = ({
  environment,
  files,
  directory,
  segmentDirectory,
}: SegmentsPlace): void => {
  const unnamed = unnamedSegments({ files, directory: segmentDirectory }, () => new Snapshot(environment))
  const ahead = unnamed.filter(({ number, sizeBytes }) => number === 'ahead' && sizeBytes > 0)
  if (ahead.length === 0) return
  const first = basename(segmentPath(segmentDirectory, Math.min(...ahead.map(({ segment }) => segment))))
  throw new StoreError(
    'corrupt',
    `Cannot open the store in ${directory}: its index is older than its mail (segments/${first} is not known to it): put back the ` +
      'index that belongs to it, or make one anew (posthorn store rebuild)',
  )
}

/** Names in one line for the administrator. */
const maxNamed = 10

/**
 * Looks for the segments that have living messages. Says which are missing or cut short.
 * @throws StoreError 'corrupt' when none is there: a disk that is not mounted, perhaps, and nobody is to go on without it
 */
export const missingSegments = (place: SegmentsPlace): string | undefined => {
  const living = [...segmentRows(new Snapshot(place.environment))].filter(({ row }) => row.liveBytes > 0)
  const sizes = living.map(({ segment }) => place.files.sizeOf(segmentPath(place.segmentDirectory, segment)))
  if (living.length > 0 && sizes.every((size) => size === undefined)) {
    throw new StoreError(
      'corrupt',
      `Cannot open the store in ${place.directory}: none of its ${living.length} segments is there: mount their disk, ` +
        'restore a backup, or give their messages up (posthorn store rebuild names each)',
    )
  }
  const named = living
    .map(({ segment, row }, at) => {
      const size = sizes[at]
      if (size === undefined) return `${segment} is missing`
      return size < row.syncedBytes ? `${segment} is cut short (${size} of ${row.syncedBytes} octets)` : ''
    })
    .filter((line) => line !== '')
  if (named.length === 0) return undefined
  const more = named.length > maxNamed ? ` and ${named.length - maxNamed} more` : ''
  return `Store: messages cannot be read: segment ${named.slice(0, maxNamed).join(', ')}${more}; restore a backup, or posthorn store rebuild names and gives up what is gone`
}
