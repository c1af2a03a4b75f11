import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Mailbox, type Store, systemFlag } from '../contract.ts'
import { openStoreWith } from '../open-store.ts'
import { type FileLayer, realFileLayer } from '../segments/file-layer.ts'
import { FaultyFileLayer } from '../testkit/faulty-file-layer.ts'
import { append, mailboxOf, makeAccount, sampleMessage } from '../testkit/samples.ts'

const count = 80
const stepMessages = 8
const parts = count / stepMessages

/** Syncs of the log since they were last taken. */
const countingSyncs = (): { readonly files: FileLayer; take(): number } => {
  const logs = new Set<number>()
  let syncs = 0
  const noted = (path: string, file: number): number => {
    if (path.endsWith('.log')) logs.add(file)
    else logs.delete(file)
    return file
  }
  const files: FileLayer = {
    ...realFileLayer,
    create: (path) => noted(path, realFileLayer.create(path)),
    openReadWrite: (path) => noted(path, realFileLayer.openReadWrite(path)),
    dataSync(file) {
      if (logs.has(file)) syncs++
      return realFileLayer.dataSync(file)
    },
    dataSyncNow(file) {
      if (logs.has(file)) syncs++
      realFileLayer.dataSyncNow(file)
    },
  }
  const take = (): number => {
    const taken = syncs
    syncs = 0
    return taken
  }
  return { files, take }
}

const filled = async (store: Store): Promise<{ inbox: Mailbox; trash: Mailbox; uids: Uint32Array }> => {
  const account = await makeAccount(store)
  const inbox = await mailboxOf(store, account)
  const trash = await mailboxOf(store, account, 'Trash')
  for (let n = 0; n < count; n++) await append(store, inbox.id, sampleMessage(n))
  return { inbox, trash, uids: (await store.messages.view(inbox.id)).uids }
}

const folder = (t: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-together-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}

const deleted = { system: systemFlag.deleted, keywords: [] }

test('parts of a large write wait for the disk once, not each', async (t) => {
  const { files, take } = countingSyncs()
  const store = await openStoreWith({ files, stepMessages }, { directory: folder(t) })
  const { inbox, trash, uids } = await filled(store)
  const { messages } = store
  take()
  const few = parts / 2
  const within = (least: number, what: string): void => {
    const syncs = take()
    assert.ok(syncs >= least && syncs <= few, `${what}: ${syncs} syncs of the log in ${parts} parts`)
  }
  await messages.copy(inbox.id, uids, trash.id)
  within(1, 'COPY')
  await messages.move(inbox.id, uids, trash.id)
  within(1, 'MOVE')
  const all = (await messages.view(trash.id)).uids
  await messages.changeFlags(trash.id, all, { op: 'add', flags: deleted })
  take()
  await messages.expunge(trash.id, undefined)
  within(1, 'EXPUNGE')
  await store.close()
})

test('an EXPUNGE of many parts that was acknowledged is whole when the power fails then', async (t) => {
  const directory = folder(t)
  const before = await openStoreWith({}, { directory })
  const { inbox, uids } = await filled(before)
  await before.messages.changeFlags(inbox.id, uids, { op: 'add', flags: deleted })
  await before.close()
  const files = new FaultyFileLayer({ kind: 'none' })
  const store = await openStoreWith({ files, stepMessages }, { directory })
  await store.messages.expunge(inbox.id, undefined)
  const left = Array.from({ length: 4 }, (_, n) => `${directory}-${n}`)
  t.after(() => {
    for (const each of left) rmSync(each, { recursive: true, force: true })
  })
  for (const each of left) files.loseUnsynced(directory, each)
  await store.close()
  for (const each of left) {
    const after = await openStoreWith({}, { directory: each })
    assert.equal((await after.messages.view(inbox.id)).uids.length, 0)
    assert.deepEqual((await after.check()).problems, [])
    await after.close()
  }
})
