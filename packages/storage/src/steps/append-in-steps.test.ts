import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { AppendItem, MailboxId, Store } from '../contract.ts'
import { openStoreWith } from '../open-store.ts'
import { FaultyFileLayer } from '../testkit/faulty-file-layer.ts'
import { mailboxOf, makeAccount, sampleMessage } from '../testkit/samples.ts'

const count = 50
const stepMessages = 8

const folder = (t: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-append-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}

const staged = (store: Store): Promise<AppendItem[]> =>
  Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const writer = store.messages.stage()
      await writer.write(sampleMessage(n))
      const flags = { system: 0, keywords: [] }
      return { message: await writer.finish(), flags, internalDateMs: n }
    }),
  )

const octetsOf = async (store: Store, mailbox: MailboxId): Promise<string[]> => {
  const texts: string[] = []
  for await (const { bytes } of store.messages.fetch(mailbox, (await store.messages.view(mailbox)).uids, {
    bytes: 'all',
  }))
    for (const each of bytes ?? []) texts.push(Buffer.from(each).toString('latin1'))
  return texts
}
const expected = Array.from({ length: count }, (_, n) => Buffer.from(sampleMessage(n)).toString('latin1'))

test('RFC 3502 §6.3.11: of many messages nobody sees one before all are there', async (t) => {
  const store = await openStoreWith({ stepMessages }, { directory: folder(t) })
  const account = await makeAccount(store)
  const { id } = await mailboxOf(store, account)
  const seen = new Set<number>()
  let isOver = false
  const looking = (async () => {
    while (!isOver) {
      seen.add((await store.messages.view(id)).uids.length)
      await new Promise(setImmediate)
    }
  })()
  const placed = await store.messages.append(id, await staged(store))
  isOver = true
  await looking
  assert.deepEqual(
    [...seen].filter((number) => number > 0 && number < count),
    [],
  )
  const { uids, mailbox } = await store.messages.view(id)
  assert.deepEqual(
    placed.map(({ uid }) => uid),
    [...uids],
  )
  assert.ok(placed.every(({ modSeq }) => modSeq === mailbox.highestModSeq))
  assert.deepEqual(await octetsOf(store, id), expected)
  assert.equal((await store.mailboxes.quota(account.id)).usedMessages, count)
  assert.deepEqual((await store.check()).problems, [])
  await store.close()
})

test('RFC 3502 §6.3.11: when one of many messages cannot be taken, none is', async (t) => {
  const store = await openStoreWith({ stepMessages }, { directory: folder(t) })
  const account = await makeAccount(store)
  const { id } = await mailboxOf(store, account)
  const before = await store.mailboxes.quota(account.id)
  const items = await staged(store)
  await items[3 * stepMessages]!.message.abort()
  await assert.rejects(store.messages.append(id, items))
  assert.equal((await store.messages.view(id)).uids.length, 0)
  assert.deepEqual(await store.mailboxes.quota(account.id), before)
  await store.messages.append(id, await staged(store))
  assert.deepEqual(await octetsOf(store, id), expected)
  assert.deepEqual((await store.check()).problems, [])
  await store.close()
})

test('many messages that were acknowledged together are whole when the power fails then', async (t) => {
  const directory = folder(t)
  const files = new FaultyFileLayer({ kind: 'none' })
  const store = await openStoreWith({ files, stepMessages }, { directory })
  const { id } = await mailboxOf(store, await makeAccount(store))
  await store.messages.append(id, await staged(store))
  const left = `${directory}-left`
  t.after(() => rmSync(left, { recursive: true, force: true }))
  files.loseUnsynced(directory, left)
  await store.close()
  const after = await openStoreWith({}, { directory: left })
  assert.deepEqual(await octetsOf(after, id), expected)
  assert.deepEqual((await after.check()).problems, [])
  await after.close()
})
