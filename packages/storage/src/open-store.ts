import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createAccountStore, defaultMailboxes } from './accounts/account-store.ts'
import type { MailboxId, Maintenance, ModSeq, Store, StoreOptions, Wake } from './contract.ts'
import type { Engine } from './engine.ts'
import { createGreylistStore } from './greylist/greylist-store.ts'
import { Journal } from './journal/journal.ts'
import { journalDirectory, listJournalFiles } from './journal/journal-files.ts'
import { closeEnvironment, type Environment, openEnvironment } from './kv/environment.ts'
import { GroupCommit } from './kv/group-commit.ts'
import { Snapshot } from './kv/unit.ts'
import { createMailboxStore } from './mailboxes/mailbox-store.ts'
import { indexName, segmentsName } from './maintenance/backup.ts'
import { Housekeeping } from './maintenance/housekeeping.ts'
import {
  bringUpToDate,
  readVersion,
  storeVersion,
  type UpgradeStep,
  upgradeSteps,
} from './maintenance/version.ts'
import { BlobReader } from './messages/blob-reader.ts'
import { ChangeCache } from './messages/changes.ts'
import { createMessageStore } from './messages/message-store.ts'
import { Stager } from './messages/staging.ts'
import { ViewCache } from './messages/views.ts'
import { ownIdentity, type ProcessIdentity } from './process-identity.ts'
import { QueueIds } from './queue/queue-ids.ts'
import { createQueueStore } from './queue/queue-store.ts'
import { ProcessMarkers } from './recovery/process-markers.ts'
import { blobsOf, recoverSegments } from './recovery/recover-segments.ts'
import { removeLost } from './recovery/remove-lost.ts'
import { Reserve } from './reserve.ts'
import { HeaderColumns } from './search/index.ts'
import { type FileLayer, realFileLayer } from './segments/file-layer.ts'
import { SegmentReader } from './segments/segment-reader.ts'
import { SegmentWriter } from './segments/segment-writer.ts'
import { createAnnotationStore } from './sharing/annotation-store.ts'
import { createSharingStore } from './sharing/sharing-store.ts'
import { KeptTexts } from './texts/kept-texts.ts'
import { openVolatileStore } from './volatile/volatile-store.ts'
import { Watchers } from './watchers.ts'

/** Each opening leaves a journal; beyond this many one checkpoint takes their place. */
const maxJournalFiles = 50

/** What a test puts in the place of the real things. */
export interface StoreParts {
  readonly files?: FileLayer
  readonly storeVersion?: number
  readonly upgradeSteps?: readonly UpgradeStep[]
}

/** Opens the store, or makes it. After an unclean end it recovers first. Throws 'newer-version'. */
export const openStore = (options: StoreOptions): Promise<Store & Maintenance> => openStoreWith({}, options)

export const openStoreWith = async (
  parts: StoreParts,
  options: StoreOptions,
): Promise<Store & Maintenance> => {
  const files = parts.files ?? realFileLayer
  mkdirSync(join(options.directory, segmentsName), { recursive: true, mode: 0o700 })
  const self = ownIdentity()
  const markers = new ProcessMarkers(options.directory, files)
  await markers.place(self)
  const environment = openEnvironment(join(options.directory, indexName), 'synced')
  try {
    return await assemble(parts, options, { files, self, markers, environment })
  } catch (error) {
    await closeEnvironment(environment)
    markers.remove(self.token)
    throw error
  }
}

interface Ground {
  readonly files: FileLayer
  readonly self: ProcessIdentity
  readonly markers: ProcessMarkers
  readonly environment: Environment
}

const assemble = async (
  parts: StoreParts,
  options: StoreOptions,
  ground: Ground,
): Promise<Store & Maintenance> => {
  const { files, self, markers, environment } = ground
  const isNew = readVersion(new Snapshot(environment)) === undefined
  const machine = startMachine(options, ground)
  const { commit, writer, segments, watchers, journal, engine, segmentDirectory } = machine
  const version = parts.storeVersion ?? storeVersion
  const place = { environment, files, directory: options.directory, storeVersion: version }
  const upgraded = await bringUpToDate(place, commit, parts.upgradeSteps ?? upgradeSteps)
  const dead = markers.dead()
  const recovered = await recoverSegments({
    environment,
    commit,
    files,
    directory: segmentDirectory,
    self: self.token,
    isLiving: (token) => markers.isLiving(token),
  })
  const volatile = openVolatileStore(options.directory, self)
  const housekeeping = new Housekeeping({
    ...place,
    engine,
    writer,
    segmentDirectory,
    journal,
    journalDirectory: machine.journalDirectory,
    markers,
    locks: volatile.locks,
    reserve: machine.reserve,
  })
  machine.onLongJournal = () => housekeeping.checkpointSoon()
  const journals = listJournalFiles(machine.journalDirectory).length
  const needsCheckpoint = journals > maxJournalFiles || (journals === 0 && !isNew)
  if (dead.length > 0 || needsCheckpoint || upgraded !== undefined) await housekeeping.checkpoint(dead)
  if (recovered > 0) process.emitWarning(`Store: removed ${recovered} messages that were never acknowledged`)
  if (upgraded !== undefined) process.emitWarning(upgraded)
  machine.reserve.keep()
  const ids = await QueueIds.open(commit)
  housekeeping.start()
  const texts = new KeptTexts(options.directory, {
    environment,
    segmentDirectory,
    locks: volatile.locks,
    token: self.token,
    watch: (listener) => watchers.watch(listener),
  })
  return {
    accounts: createAccountStore(engine, options.defaultMailboxes ?? defaultMailboxes),
    mailboxes: createMailboxStore(engine),
    messages: createMessageStore(engine, { columns: new HeaderColumns(), texts }),
    sharing: createSharingStore(engine),
    annotations: createAnnotationStore(engine),
    queue: createQueueStore(engine, ids),
    greylist: createGreylistStore(engine),
    counters: volatile.counters,
    locks: volatile.locks,
    watch: (listener: (wake: Wake) => void) => watchers.watch(listener),
    watchMailbox: (mailbox: MailboxId, listener: (modSeq: ModSeq) => void) =>
      watchers.watchMailbox(mailbox, listener),
    check: () => housekeeping.check(),
    compact: () => housekeeping.compact(),
    backup: (directory) => housekeeping.backup(directory),
    flushJournal: () => journal.flush(),
    makeTexts: () => texts.makeAll(),
    async close() {
      await texts.close()
      await housekeeping.stop()
      await writer.close()
      await commit.close()
      await journal.close(() => machine.reserve.release())
      watchers.close()
      segments.close()
      await volatile.close()
      await closeEnvironment(environment)
      markers.remove(self.token)
    },
  }
}

interface Machine {
  readonly commit: GroupCommit
  readonly writer: SegmentWriter
  readonly segments: SegmentReader
  readonly watchers: Watchers
  readonly journal: Journal
  readonly engine: Engine
  readonly reserve: Reserve
  readonly segmentDirectory: string
  readonly journalDirectory: string
  onLongJournal: () => void
}

/** The parts that write, wired together. */
const startMachine = (options: StoreOptions, { files, self, environment }: Ground): Machine => {
  const segmentDirectory = join(options.directory, segmentsName)
  const journals = journalDirectory(options.directory)
  const reserve = new Reserve(options.directory)
  const journal = new Journal(journals, files, self, () => machine.onLongJournal())
  const writer = new SegmentWriter(segmentDirectory, files, self, {
    settled: (segment, offset) => journal.mark(segment, offset),
    removeUnsynced: (unit, segment, fromOffset) => {
      const unsynced = blobsOf(unit, segment).filter(({ row }) => row.offset >= fromOffset)
      removeLost(unit, new Set(unsynced.map(({ blobId }) => blobId)))
    },
  })
  const watchers = new Watchers(options.wakeBus)
  const commit = new GroupCommit(environment, [writer, journal, watchers], () => reserve.release())
  writer.attach(commit)
  const segments = new SegmentReader(segmentDirectory, files)
  const engine: Engine = {
    environment,
    commit,
    stager: new Stager(files, writer),
    blobs: new BlobReader(environment, segments),
    segments,
    views: new ViewCache(),
    changes: new ChangeCache(),
    self,
    now: options.now ?? Date.now,
    defaultQuotaBytes: options.defaultQuotaBytes ?? 0,
    defaultQuotaMessages: options.defaultQuotaMessages ?? 0,
  }
  const machine: Machine = {
    commit,
    writer,
    segments,
    watchers,
    journal,
    engine,
    reserve,
    segmentDirectory,
    journalDirectory: journals,
    onLongJournal: () => {},
  }
  return machine
}
