import type { Environment } from './kv/environment.ts'
import type { GroupCommit } from './kv/group-commit.ts'
import type { Unit } from './kv/unit.ts'
import { Snapshot } from './kv/unit.ts'
import type { BlobReader } from './messages/blob-reader.ts'
import type { ChangeCache } from './messages/changes.ts'
import type { Stager } from './messages/staging.ts'
import type { ViewCache } from './messages/views.ts'
import type { ProcessIdentity } from './process-identity.ts'
import type { SegmentReader } from './segments/segment-reader.ts'
import { readSegmentRow } from './segments/segment-row.ts'
import { maxSegmentBytes } from './segments/segment-writer.ts'
import type { UnfinishedWork } from './steps/unfinished-work.ts'

/** The parts that the store's concepts share. */
export interface Engine {
  readonly environment: Environment
  readonly commit: GroupCommit
  readonly stager: Stager
  readonly blobs: BlobReader
  readonly segments: SegmentReader
  readonly views: ViewCache
  readonly changes: ChangeCache
  readonly self: ProcessIdentity
  readonly now: () => number
  readonly defaultQuotaBytes: number
  readonly defaultQuotaMessages: number
  /** Everything committed is in the index on disk: power failure will not ask the log. */
  readonly flushIndex: () => Promise<void>
  readonly unfinished: UnfinishedWork
  /** Messages that one unit of work handles, see `usualStepMessages`. */
  readonly stepMessages: number
}

export const snapshotOf = (engine: Engine): Snapshot => new Snapshot(engine.environment)

/**
 * A unit that gives a new reference to octets which another process may not have synced yet syncs them
 * itself before it is acknowledged. (This process's own are synced with the group.) The blob's id says where it was
 * written first; octets that were moved since then were synced before anything named their new place.
 * @param decided segments of which nothing is to be asked any more
 */
export const awaitForeignBlob = (engine: Engine, unit: Unit, blobId: number, decided: Set<number>): void => {
  const segment = Math.floor(blobId / maxSegmentBytes)
  if (decided.has(segment)) return
  const row = readSegmentRow(unit, segment)
  const isForeign = row !== undefined && row.state !== 'sealed' && row.owner !== engine.self.token
  if (isForeign && blobId - segment * maxSegmentBytes < row.syncedBytes) return
  decided.add(segment)
  if (isForeign) unit.alsoAwait(() => engine.segments.sync(segment))
}
