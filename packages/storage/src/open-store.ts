import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createAccountStore, defaultMailboxes } from './accounts/account-store.ts'
import type { MailboxId, Maintenance, ModSeq, Store, StoreOptions, Wake } from './contract.ts'
import { createGreylistStore } from './greylist/greylist-store.ts'
import { listJournalFiles } from './journal/journal-files.ts'
import { writeInPlace } from './kv/copy-on-write.ts'
import { closeEnvironment } from './kv/environment.ts'
import { isNoSpace, refusalOf } from './kv/no-space.ts'
import { Snapshot } from './kv/unit.ts'
import { catchUp, type IndexPlace, type OpenedIndex, openIndex } from './log/durable-index.ts'
import { abandonMachine, type Machine, startMachine, stopMachine } from './machine.ts'
import { createMailboxStore } from './mailboxes/mailbox-store.ts'
import { indexName, segmentsName } from './maintenance/backup.ts'
import { Housekeeping } from './maintenance/housekeeping.ts'
import {
  bringUpToDate,
  refuseNewer,
  storeVersion,
  type UpgradeStep,
  upgradeSteps,
} from './maintenance/version.ts'
import { createMessageStore } from './messages/message-store.ts'
import { noAids } from './messages/search-messages.ts'
import { ownIdentity, type ProcessIdentity } from './process-identity.ts'
import { QueueIds } from './queue/queue-ids.ts'
import { createQueueStore } from './queue/queue-store.ts'
import { missingSegments, refuseOlderIndex } from './recovery/missing-segments.ts'
import { takeTurn } from './recovery/opening-turn.ts'
import { ProcessMarkers } from './recovery/process-markers.ts'
import { recoverSegments } from './recovery/recover-segments.ts'
import { skipNumbers } from './recovery/skip-numbers.ts'
import { Reserve } from './reserve.ts'
import { readVersion } from './rows/version-row.ts'
import { type FileLayer, realFileLayer } from './segments/file-layer.ts'
import { createAnnotationStore } from './sharing/annotation-store.ts'
import { createSharingStore } from './sharing/sharing-store.ts'
import { KeptTexts } from './texts/kept-texts.ts'
import { openVolatileStore, type VolatileStore } from './volatile/volatile-store.ts'

/** Each opening leaves a journal; beyond this many one checkpoint takes their place. */
const maxJournalFiles = 50

/** What a test puts in the place of the real things. */
export interface StoreParts {
  readonly files?: FileLayer
  readonly logCapacityBytes?: number
  readonly stepMessages?: number
  readonly holderTimeoutMs?: number
  readonly storeVersion?: number
  readonly upgradeSteps?: readonly UpgradeStep[]
}

/** Opens the store, or makes it. After an unclean end it recovers first. Throws 'newer-version'. */
export const openStore = (options: StoreOptions): Promise<Store & Maintenance> => openStoreWith({}, options)

/** On a full disk an opening may use the reserve: commands that make room open the store, too. */
export const openStoreWith = async (
  parts: StoreParts,
  options: StoreOptions,
): Promise<Store & Maintenance> => {
  const what = `Cannot open the store in ${options.directory}`
  try {
    return await openOnce(parts, options)
  } catch (error) {
    if (!isNoSpace(error) || !new Reserve(options.directory).release()) throw refusalOf(error, what)
  }
  return openOnce(parts, options).catch((error) => {
    throw refusalOf(error, what)
  })
}

/** Segments, which are not overwritten, keep what the file system does for them. */
const makeFolders = (directory: string): void => {
  const isNew = mkdirSync(join(directory, segmentsName), { recursive: true, mode: 0o700 }) !== undefined
  if (isNew) writeInPlace(directory)
}

const openOnce = async (parts: StoreParts, options: StoreOptions): Promise<Store & Maintenance> => {
  const files = parts.files ?? realFileLayer
  makeFolders(options.directory)
  const self = ownIdentity()
  const markers = new ProcessMarkers(options.directory, files)
  await markers.place(self).catch((error) => {
    markers.remove(self.token)
    throw error
  })
  await markers.awaitHolders(self, parts.holderTimeoutMs).catch((error) => {
    markers.remove(self.token)
    throw error
  })
  const volatile = openVolatile(options.directory, self, markers)
  const place = {
    directory: options.directory,
    indexPath: join(options.directory, indexName),
    segmentDirectory: join(options.directory, segmentsName),
    files,
    markers,
  }
  let index: OpenedIndex | undefined
  let machine: Machine | undefined
  try {
    const release = await takeTurn(volatile.locks, self, new Reserve(options.directory))
    try {
      index = await openIndex(place)
      refuseNewer(index.environment, options.directory, parts.storeVersion ?? storeVersion)
      const started = startMachine(options, {
        ...place,
        self,
        index,
        logCapacityBytes: parts.logCapacityBytes,
        stepMessages: parts.stepMessages,
      })
      machine = started
      const redone = await catchUp(place, index, started.flusher, started.log, () =>
        started.commit.run(() => {}),
      )
      const segments = { ...place, environment: index.environment }
      if (index.isAlone) refuseOlderIndex(segments)
      const missing = missingSegments(segments)
      if (missing !== undefined) started.report(missing)
      release()
      return await assemble(parts, options, { ...place, self, volatile, index, machine: started, redone })
    } finally {
      release()
    }
  } catch (error) {
    if (machine !== undefined) await abandonMachine(machine)
    if (index !== undefined) await closeEnvironment(index.environment)
    await volatile.close()
    markers.remove(self.token)
    throw error
  }
}

const openVolatile = (directory: string, self: ProcessIdentity, markers: ProcessMarkers): VolatileStore => {
  try {
    return openVolatileStore(directory, self)
  } catch (error) {
    markers.remove(self.token)
    throw error
  }
}

interface Ground extends IndexPlace {
  readonly self: ProcessIdentity
  readonly volatile: VolatileStore
  readonly index: OpenedIndex
  readonly machine: Machine
  readonly redone: number
}

/** What other processes left. Returns how many messages were removed that nobody was told of. */
const finishInterrupted = async (ground: Ground): Promise<number> => {
  const { files, self, markers, machine, segmentDirectory } = ground
  const { commit, engine } = machine
  const recovered = await recoverSegments({
    environment: ground.index.environment,
    commit,
    files,
    directory: segmentDirectory,
    self: self.token,
    isLiving: (token) => markers.isLiving(token),
  })
  await engine.unfinished.takeUp()
  if (ground.index.powerFailed) {
    // Numbers that are skipped could reach what was being copied.
    await engine.unfinished.idle()
    await commit.run(skipNumbers)
  }
  return recovered
}

const assemble = async (
  parts: StoreParts,
  options: StoreOptions,
  ground: Ground,
): Promise<Store & Maintenance> => {
  const { files, self, markers, volatile, machine, segmentDirectory } = ground
  const { environment } = ground.index
  const isNew = readVersion(new Snapshot(environment)) === undefined
  const { commit, writer, watchers, journal, engine } = machine
  const version = parts.storeVersion ?? storeVersion
  const place = { environment, files, directory: options.directory, storeVersion: version }
  const upgraded = await bringUpToDate(place, commit, parts.upgradeSteps ?? upgradeSteps)
  const dead = markers.dead()
  const recovered = await finishInterrupted(ground)
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
    flusher: machine.flusher,
    report: machine.report,
  })
  machine.onLongJournal = () => housekeeping.checkpointSoon()
  const journals = listJournalFiles(machine.journalDirectory).length
  const needsCheckpoint = journals > maxJournalFiles || (journals === 0 && !isNew)
  if (dead.length > 0 || ground.redone > 0 || needsCheckpoint || upgraded !== undefined)
    await housekeeping.checkpoint(dead)
  if (recovered > 0) machine.report(`Store: removed ${recovered} messages that were never acknowledged`)
  if (upgraded !== undefined) machine.report(upgraded)
  machine.reserve.keep()
  const ids = await QueueIds.open(commit)
  housekeeping.start()
  const maker = {
    environment,
    segmentDirectory,
    locks: volatile.locks,
    token: self.token,
    report: machine.report,
    watch: (listener: (wake: Wake) => void) => watchers.watch(listener),
  }
  const texts = new KeptTexts(options.directory, maker, options.listing)
  return {
    accounts: createAccountStore(engine, options.defaultMailboxes ?? defaultMailboxes),
    mailboxes: createMailboxStore(engine, volatile.told),
    messages: createMessageStore(engine, { ...noAids(), texts }),
    sharing: createSharingStore(engine),
    annotations: createAnnotationStore(engine),
    queue: createQueueStore(engine, ids),
    greylist: createGreylistStore(engine),
    counters: volatile.counters,
    tallies: volatile.tallies,
    locks: volatile.locks,
    watch: (listener: (wake: Wake) => void) => watchers.watch(listener),
    watchMailbox: (mailbox: MailboxId, listener: (modSeq: ModSeq) => void) =>
      watchers.watchMailbox(mailbox, listener),
    check: () => housekeeping.check(),
    compact: () => housekeeping.compact(),
    backup: (directory) => housekeeping.backup(directory),
    async flushJournal() {
      await journal.flush()
      await machine.flusher.flush()
    },
    makeTexts: () => texts.makeAll(),
    async close() {
      await texts.close()
      await housekeeping.stop()
      try {
        await stopMachine(machine, {
          areThere: () => markers.living().some(({ token }) => token !== self.token),
          isLiving: (token) => markers.isLiving(token),
        })
      } finally {
        await volatile.close()
        await closeEnvironment(environment)
      }
      markers.remove(self.token)
    },
  }
}
