import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../open-store.ts'
import { append, mailboxOf, makeAccount, sampleMessage } from '../testkit/samples.ts'

test('octets of whole messages are right in memory that is used again, and kept where somebody needs them', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'fetch-memory-'))
  const store = await openStore({ directory })
  t.after(async () => {
    await store.close()
    await rm(directory, { recursive: true })
  })
  const inbox = await mailboxOf(store, await makeAccount(store))
  const sizes = [300, 900_000, 2_000, 700_000, 3_000_000, 500, 1_200_000, 40_000, 600_000]
  for (const [n, size] of sizes.entries()) await append(store, inbox.id, sampleMessage(n, size))
  const uids = Uint32Array.from(sizes, (_, n) => n + 1)
  for (const free of [true, false]) {
    const kept: { readonly uid: number; readonly bytes: Uint8Array }[] = []
    const memory = new Set<ArrayBufferLike>()
    let batches = 0
    for await (const batch of store.messages.fetch(inbox.id, uids, {
      bytes: 'all',
      memoryIsFree: () => free,
    })) {
      batches++
      batch.uids.forEach((uid, index) => {
        const bytes = batch.bytes?.[index] as Uint8Array
        assert.ok(sampleMessage(uid - 1, sizes[uid - 1]).equals(bytes))
        kept.push({ uid, bytes })
        memory.add(bytes.buffer)
      })
    }
    assert.equal(kept.length, sizes.length)
    assert.ok(batches > 3)
    if (free) assert.ok(memory.size < batches)
    else for (const { uid, bytes } of kept) assert.ok(sampleMessage(uid - 1, sizes[uid - 1]).equals(bytes))
  }
})
