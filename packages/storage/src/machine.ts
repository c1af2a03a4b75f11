import { StoreError, type StoreOptions } from './contract.ts'
import type { Engine } from './engine.ts'
import { Journal } from './journal/journal.ts'
import { journalDirectory } from './journal/journal-files.ts'
import { GroupCommit } from './kv/group-commit.ts'
import { keepFewMapped, type MappedPages } from './kv/mapped-pages.ts'
import { refusalOf } from './kv/no-space.ts'
import { Snapshot, type Unit } from './kv/unit.ts'
import type { IndexPlace, OpenedIndex } from './log/durable-index.ts'
import { IndexFlusher, type OtherProcesses } from './log/index-flusher.ts'
import { WriteLog } from './log/write-log.ts'
import { BlobReader } from './messages/blob-reader.ts'
import { ChangeCache } from './messages/changes.ts'
import { Stager } from './messages/staging.ts'
import { ViewCache } from './messages/views.ts'
import type { ProcessIdentity } from './process-identity.ts'
import { blobsOf, segmentRows } from './recovery/recover-segments.ts'
import { removeLost } from './recovery/remove-lost.ts'
import { type Report, reportTo } from './report.ts'
import { Reserve } from './reserve.ts'
import { segmentPath } from './segments/segment-path.ts'
import { SegmentReader } from './segments/segment-reader.ts'
import { SegmentWriter } from './segments/segment-writer.ts'
import { fillStep } from './steps/move-in-steps.ts'
import { renameStep } from './steps/rename-in-steps.ts'
import { usualStepMessages } from './steps/staging-area.ts'
import { UnfinishedWork } from './steps/unfinished-work.ts'
import { Watchers } from './watchers.ts'

const repairAgainMs = 5_000

/** To read a UID takes so much less than to handle a message. */
const viewSteps = 48

/** The parts that write, wired together. */
export interface Machine {
  readonly commit: GroupCommit
  readonly writer: SegmentWriter
  readonly segments: SegmentReader
  readonly watchers: Watchers
  readonly journal: Journal
  readonly flusher: IndexFlusher
  readonly log: WriteLog
  readonly engine: Engine
  readonly reserve: Reserve
  readonly mapped: MappedPages
  readonly report: Report
  readonly journalDirectory: string
  onLongJournal: () => void
}

export interface MachinePlace extends IndexPlace {
  readonly self: ProcessIdentity
  readonly index: OpenedIndex
  readonly logCapacityBytes?: number | undefined
  readonly stepMessages?: number | undefined
}

export const startMachine = (options: StoreOptions, place: MachinePlace): Machine => {
  const { files, self, segmentDirectory, stepMessages = usualStepMessages } = place
  const { environment } = place.index
  const journals = journalDirectory(options.directory)
  const reserve = new Reserve(options.directory)
  const report = reportTo(options.log)
  const writer = new SegmentWriter(segmentDirectory, files, self, {
    settled: (segment, offset) => journal.mark(segment, offset),
    removeUnsynced,
  })
  const segments = new SegmentReader(segmentDirectory, files)
  const { flusher, log } = startLog(place, writer, segments, report)
  const journal = new Journal(
    journals,
    files,
    self,
    () => log.sequence,
    () => machine.onLongJournal(),
    () => syncLeft(log, flusher),
    report,
  )
  const watchers = new Watchers(options.wakeBus, report)
  const commit: GroupCommit = new GroupCommit(
    environment,
    [writer, log, journal, watchers],
    () => reserve.release(),
    {
      mayHold: () => place.markers.isAlone(self.token),
      announce: (held) => place.markers.announce(held),
      repair: () => log.repair(),
      onUnsaid: report,
      onBroken(error) {
        report(error)
        repairSoon(commit, reserve)
      },
    },
  )
  writer.attach(commit)
  const engine: Engine = {
    environment,
    commit,
    stager: new Stager(files, writer),
    blobs: new BlobReader(environment, segments),
    segments,
    views: new ViewCache(stepMessages * viewSteps),
    changes: new ChangeCache(),
    self,
    now: options.now ?? Date.now,
    defaultQuotaBytes: options.defaultQuotaBytes ?? 0,
    defaultQuotaMessages: options.defaultQuotaMessages ?? 0,
    flushIndex: () => flusher.flush(),
    stepMessages,
    unfinished: new UnfinishedWork({
      ...{ environment, commit, stepMessages, self: self.token },
      isLiving: (token) => place.markers.isLiving(token),
      fill: (unit, mailbox) => fillStep(engine, unit, mailbox),
      rename: (unit, account) => renameStep(engine, unit, account),
      report,
    }),
  }
  const machine: Machine = {
    commit,
    writer,
    segments,
    watchers,
    journal,
    flusher,
    log,
    engine,
    reserve,
    mapped: keepFewMapped(place.indexPath, report),
    report,
    journalDirectory: journals,
    onLongJournal: () => {},
  }
  return machine
}

const removeUnsynced = (unit: Unit, segment: number, fromOffset: number): void => {
  const unsynced = blobsOf(unit, segment).filter(({ row }) => row.offset >= fromOffset)
  removeLost(unit, new Set(unsynced.map(({ blobId }) => blobId)))
}

/** What the log holds that is not synced: the index says it, too. */
const syncLeft = async (log: WriteLog, flusher: IndexFlusher): Promise<void> => {
  if (log.left.areThere) await flusher.flush()
}

/** An empty group, so that it is done again now; on a disk that refuses it, when it does so no more. */
const repairSoon = (commit: GroupCommit, reserve: Reserve): void => {
  reserve.release()
  commit
    .run(() => {})
    .catch((error: unknown) => {
      if (error instanceof StoreError && error.kind === 'closed') return
      setTimeout(() => repairSoon(commit, reserve), repairAgainMs).unref()
    })
}

/**
 * Everything that was begun ends, and is on disk.
 * @throws StoreError 'no-space' when the journal could not be written: the index has what it lacks, and while the
 * marker of this process stays, whoever opens the store next writes it anew as after a kill
 */
export const stopMachine = async (machine: Machine, others: OtherProcesses): Promise<void> => {
  const failures: unknown[] = []
  // Whatever fails: no timer, no reader and no file handle of a machine that stopped is left.
  const attempt = (work: () => unknown): Promise<void> =>
    Promise.resolve()
      .then(work)
      .then(
        () => {},
        (error: unknown) => void failures.push(error),
      )
  const giveFree = (): boolean => machine.reserve.release()
  await attempt(() => machine.engine.unfinished.stop())
  await attempt(() => machine.writer.close())
  await attempt(() => machine.commit.close())
  const isWritten = await machine.journal.close(giveFree).then(
    () => true,
    () => false,
  )
  // After a failure the flush records stay: the next opening goes back to them.
  const isLast = failures.length === 0
  await attempt(() => machine.flusher.close(isLast ? others : { ...others, areThere: () => true }))
  await attempt(() => machine.log.close())
  // The log has given free what it had taken ahead.
  if (!isWritten) await attempt(() => machine.journal.close(giveFree).catch(refuse))
  machine.watchers.close()
  machine.mapped.stop()
  await attempt(() => machine.segments.close())
  if (failures.length > 0) throw failures[0]
}

/** Of an opening that failed. What it had committed is left as after a kill. */
export const abandonMachine = (machine: Machine): Promise<void> =>
  stopMachine(machine, { areThere: () => true, isLiving: () => true }).catch(() => {})

const refuse = (error: unknown): never => {
  throw refusalOf(error)
}

const startLog = (
  { files, self, indexPath, index, segmentDirectory, logCapacityBytes }: MachinePlace,
  writer: SegmentWriter,
  segments: SegmentReader,
  report: Report,
): Pick<Machine, 'flusher' | 'log'> => {
  const { environment, logDirectory: directory } = index
  /** Its own, and those that other processes append to. */
  const syncSegments = async (): Promise<void> => {
    await writer.syncWritten()
    const others = [...segmentRows(new Snapshot(environment))].filter(
      ({ row }) => row.state === 'open' && row.shape === 'shared' && row.owner !== self.token,
    )
    for (const { segment } of others) {
      // One that was never made, or that compaction removed, has nothing to lose.
      if (files.sizeOf(segmentPath(segmentDirectory, segment)) !== undefined) await segments.sync(segment)
    }
  }
  const flusher = new IndexFlusher({ environment, files, self, directory, indexPath, syncSegments, report })
  const log = new WriteLog({
    environment,
    files,
    directory,
    writer,
    flusher,
    capacityBytes: logCapacityBytes,
  })
  return { flusher, log }
}
