import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { MailboxId, Store } from '../contract.ts'
import { openStoreWith } from '../open-store.ts'
import { FaultyFileLayer } from '../testkit/faulty-file-layer.ts'
import { append, mailboxOf, makeAccount, sampleMessage } from '../testkit/samples.ts'

const count = 50
const stepMessages = 8
const chunkUids = 32

const folder = (t: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-uids-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const uidNextOf = async (store: Store, mailbox: MailboxId): Promise<number> =>
  (await store.messages.view(mailbox)).mailbox.uidNext

const subjectsOf = async (store: Store, mailbox: MailboxId): Promise<string[]> => {
  const texts: string[] = []
  const { uids } = await store.messages.view(mailbox)
  for await (const { bytes } of store.messages.fetch(mailbox, uids, { bytes: 'all' }))
    for (const each of bytes ?? []) texts.push(Buffer.from(each).toString('latin1'))
  return texts
}

test('COPY of many uses as many UIDs as it copies messages, and at most a chunk more', async (t) => {
  const store = await openStoreWith({ stepMessages }, { directory: folder(t) })
  const account = await makeAccount(store)
  const source = await mailboxOf(store, account)
  const target = await mailboxOf(store, account, 'Trash')
  for (let n = 1; n <= count; n++) await append(store, source.id, sampleMessage(n))
  const { uids } = await store.messages.view(source.id)
  for (let round = 0; round < 5; round++) {
    const before = await uidNextOf(store, target.id)
    const { to } = await store.messages.copy(source.id, uids, target.id)
    const view = await store.messages.view(target.id)
    assert.deepEqual([...view.uids.slice(-count)], [...to])
    assert.ok(to[0]! >= before && to[0]! < before + chunkUids, `${to[0]} behind ${before}`)
    assert.equal(view.mailbox.uidNext, to[count - 1]! + 1)
  }
  const one = await subjectsOf(store, source.id)
  assert.deepEqual(await subjectsOf(store, target.id), [...one, ...one, ...one, ...one, ...one])
  assert.deepEqual((await store.check()).problems, [])
  await store.close()
})

test('what comes during a COPY of many is below what was copied', async (t) => {
  const store = await openStoreWith({ stepMessages: 2 }, { directory: folder(t) })
  const account = await makeAccount(store)
  const source = await mailboxOf(store, account)
  const target = await mailboxOf(store, account, 'Trash')
  for (let n = 1; n <= count; n++) await append(store, source.id, sampleMessage(n))
  const { uids } = await store.messages.view(source.id)
  let isOver = false
  const copying = store.messages.copy(source.id, uids, target.id).finally(() => {
    isOver = true
  })
  const came: number[] = []
  while (!isOver) came.push((await append(store, target.id, sampleMessage(100 + came.length))).uid)
  const { to } = await copying
  const { uids: all } = await store.messages.view(target.id)
  assert.equal(all.length, count + came.length)
  assert.deepEqual(
    [...all],
    [...came, ...to].sort((a, b) => a - b),
  )
  assert.ok(came.length > 1 && came[came.length - 2]! < to[0]!, `${came} ${to[0]}`)
  assert.ok(all[all.length - 1]! < count + came.length + 2 * chunkUids)
  assert.deepEqual((await store.check()).problems, [])
  await store.close()
})

test('copies that were brought down and acknowledged are there when the power fails then', async (t) => {
  const directory = folder(t)
  const files = new FaultyFileLayer({ kind: 'none' })
  const store = await openStoreWith({ files, stepMessages }, { directory })
  const account = await makeAccount(store)
  const source = await mailboxOf(store, account)
  const target = await mailboxOf(store, account, 'Trash')
  for (let n = 1; n <= count; n++) await append(store, source.id, sampleMessage(n))
  const { to } = await store.messages.copy(source.id, (await store.messages.view(source.id)).uids, target.id)
  const left = `${directory}-left`
  t.after(() => rmSync(left, { recursive: true, force: true }))
  files.loseUnsynced(directory, left)
  await store.close()
  const after = await openStoreWith({}, { directory: left })
  assert.deepEqual([...(await after.messages.view(target.id)).uids], [...to])
  assert.deepEqual(await subjectsOf(after, target.id), await subjectsOf(after, source.id))
  assert.deepEqual((await after.check()).problems, [])
  await after.close()
})

test('COPY of more than one unit can bring down leaves a gap of four UIDs for each', async (t) => {
  const store = await openStoreWith({}, { directory: folder(t) })
  const { id } = await mailboxOf(store, await makeAccount(store))
  for (let n = 1; n <= 35; n++) await append(store, id, sampleMessage(n))
  for (let have = 35; have <= 4096; have *= 2)
    await store.messages.copy(id, (await store.messages.view(id)).uids, id)
  const { uids, mailbox } = await store.messages.view(id)
  assert.equal(uids.length, 4_480)
  assert.ok(mailbox.uidNext < 4_480 + 4 * chunkUids, `UIDNEXT ${mailbox.uidNext}`)
  await store.messages.copy(id, uids, id)
  const uidNext = await uidNextOf(store, id)
  assert.ok(uidNext <= mailbox.uidNext + 5 * uids.length + chunkUids, `UIDNEXT ${uidNext}`)
  assert.deepEqual((await store.check()).problems, [])
  await store.close()
})
