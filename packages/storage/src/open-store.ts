import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createAccountStore, defaultMailboxes } from './accounts/account-store.ts'
import type { MailboxId, ModSeq, Store, StoreOptions, Wake } from './contract.ts'
import type { Engine } from './engine.ts'
import { createGreylistStore } from './greylist/greylist-store.ts'
import { openEnvironment } from './kv/environment.ts'
import { GroupCommit } from './kv/group-commit.ts'
import { createMailboxStore } from './mailboxes/mailbox-store.ts'
import { BlobReader } from './messages/blob-reader.ts'
import { ChangeCache } from './messages/changes.ts'
import { createMessageStore } from './messages/message-store.ts'
import { Stager } from './messages/staging.ts'
import { ViewCache } from './messages/views.ts'
import { ownIdentity } from './process-identity.ts'
import { QueueIds } from './queue/queue-ids.ts'
import { createQueueStore } from './queue/queue-store.ts'
import { type FileLayer, realFileLayer } from './segments/file-layer.ts'
import { SegmentReader } from './segments/segment-reader.ts'
import { SegmentWriter } from './segments/segment-writer.ts'
import { openVolatileStore } from './volatile/volatile-store.ts'
import { Watchers } from './watchers.ts'

export const openStore = (options: StoreOptions): Promise<Store> => openStoreOn(realFileLayer, options)

/** For tests: segments and journal on another file layer. */
export const openStoreOn = async (files: FileLayer, options: StoreOptions): Promise<Store> => {
  const segmentDirectory = join(options.directory, 'segments')
  mkdirSync(segmentDirectory, { recursive: true, mode: 0o700 })
  const self = ownIdentity()
  const environment = openEnvironment(join(options.directory, 'index.mdb'), 'synced')
  const writer = new SegmentWriter(segmentDirectory, files, self)
  const watchers = new Watchers(options.wakeBus)
  const commit = new GroupCommit(environment, [writer, watchers])
  writer.attach(commit)
  const segments = new SegmentReader(segmentDirectory, files)
  const engine: Engine = {
    environment,
    commit,
    stager: new Stager(segmentDirectory, files, writer),
    blobs: new BlobReader(environment, segments),
    segments,
    views: new ViewCache(),
    changes: new ChangeCache(),
    self,
    now: options.now ?? Date.now,
    defaultQuotaBytes: options.defaultQuotaBytes ?? 0,
  }
  const volatile = openVolatileStore(options.directory, self)
  const ids = await QueueIds.open(commit)
  return {
    accounts: createAccountStore(engine, options.defaultMailboxes ?? defaultMailboxes),
    mailboxes: createMailboxStore(engine),
    messages: createMessageStore(engine),
    queue: createQueueStore(engine, ids),
    greylist: createGreylistStore(engine),
    counters: volatile.counters,
    locks: volatile.locks,
    watch: (listener: (wake: Wake) => void) => watchers.watch(listener),
    watchMailbox: (mailbox: MailboxId, listener: (modSeq: ModSeq) => void) =>
      watchers.watchMailbox(mailbox, listener),
    async close() {
      await writer.close()
      await commit.close()
      watchers.close()
      segments.close()
      await volatile.close()
      await environment.close()
    },
  }
}
