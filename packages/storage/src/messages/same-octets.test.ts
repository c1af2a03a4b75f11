import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../open-store.ts'
import {
  acceptance,
  append,
  mailboxOf,
  makeAccount,
  sampleMessage,
  stage,
  toMailbox,
} from '../testkit/samples.ts'

test('messages that share their octets, copies of one that was delivered, are read together', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'same-octets-'))
  const store = await openStore({ directory })
  t.after(async () => {
    await store.close()
    await rm(directory, { recursive: true })
  })
  const account = await makeAccount(store)
  const { id } = await mailboxOf(store, account)
  const sizes = [400, 90_000]
  for (const [number, size] of sizes.entries()) {
    await append(store, id, sampleMessage(7, 300))
    const delivered = await stage(store, sampleMessage(number, size))
    await store.queue.accept(acceptance(store, delivered, [toMailbox(account)]))
  }
  const delivered = Uint32Array.of(2, 4)
  await store.messages.copy(id, delivered, id)
  await store.messages.copy(id, Uint32Array.of(2, 4, 5, 6), id)
  const { uids } = await store.messages.view(id)
  assert.equal(uids.length, 10)
  const origin = (uid: number): number => (uid <= 4 ? uid : uid % 2 === 1 ? 2 : 4)
  for (const bytes of ['all', 'header'] as const) {
    const found = new Map<number, string>()
    for await (const batch of store.messages.fetch(id, uids, { bytes, memoryIsFree: () => true })) {
      for (const [row, uid] of batch.uids.entries())
        found.set(uid, Buffer.from(batch.bytes?.[row] ?? []).toString('latin1'))
    }
    assert.match(found.get(2) ?? '', /^Return-Path: <>\r\n/)
    for (const uid of uids) assert.equal(found.get(uid), found.get(origin(uid)), `${bytes} of ${uid}`)
  }
})
