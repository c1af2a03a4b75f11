import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Mailbox, Store } from '../contract.ts'
import { openStore } from '../index.ts'
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from '../testkit/samples.ts'

const count = 40
const messageBytes = 50_000

const filled = async (t: TestContext) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-sparse-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const store = await openStore({ directory })
  const inbox = await mailboxOf(store, await makeAccount(store))
  await fillInbox(store, inbox, 1)
  return { directory, store, inbox }
}

const fillInbox = async (store: Store, inbox: Mailbox, from: number): Promise<void> => {
  for (let number = from; number < from + count; number++)
    await append(store, inbox.id, sampleMessage(number, messageBytes))
}

const segmentBytes = (directory: string): number =>
  readdirSync(join(directory, 'segments'))
    .map((name) => statSync(join(directory, 'segments', name)).size)
    .reduce((sum, size) => sum + size, 0)

const uids = (from: number, to: number): Uint32Array =>
  Uint32Array.from({ length: to - from + 1 }, (_, n) => from + n)

test('compaction: mail that was deleted from the open segment gives its disk back', async (t) => {
  const { directory, store, inbox } = await filled(t)
  assert.ok(segmentBytes(directory) > count * messageBytes)
  await store.messages.discard(inbox.id, uids(1, 10))
  assert.equal((await store.compact()).segmentsRemoved, 0, 'three quarters are alive: not worth the copies')
  await store.messages.discard(inbox.id, uids(11, 30))
  const before = await readAll(store, inbox.id)
  const half = await store.compact()
  assert.equal(half.segmentsRemoved, 1)
  assert.ok(half.copiedBytes > 10 * messageBytes && half.freedBytes > 29 * messageBytes)
  assert.ok(segmentBytes(directory) < 12 * messageBytes)
  assert.deepEqual(await readAll(store, inbox.id), before)
  await store.messages.discard(inbox.id, uids(31, 40))
  assert.equal((await store.compact()).copiedBytes, 0)
  assert.equal(segmentBytes(directory), 0)
  await fillInbox(store, inbox, 100)
  assert.equal((await readAll(store, inbox.id)).size, count)
  assert.deepEqual((await store.check()).problems, [])
  await store.close()
})

test('compaction: mail comes, is read and deleted meanwhile; all of it is there, whole', async (t) => {
  const { directory, store, inbox } = await filled(t)
  const kept = new Map<number, Buffer>()
  const isOver = { value: false }
  const delivering = (async () => {
    for (let number = 1_000; !isOver.value; number++) {
      const bytes = sampleMessage(number, messageBytes)
      const { uid } = await append(store, inbox.id, bytes)
      if (number % 4 === 0) kept.set(uid, bytes)
      else await store.messages.discard(inbox.id, Uint32Array.of(uid))
    }
  })()
  await store.messages.discard(inbox.id, uids(1, count))
  let removed = 0
  for (let round = 0; round < 12; round++) {
    removed += (await store.compact()).segmentsRemoved
    for (let target = kept.size + 2; kept.size < target; )
      await new Promise((resolve) => setTimeout(resolve, 1))
  }
  isOver.value = true
  await delivering
  assert.ok(removed >= 6, `${removed} removed`)
  assert.deepEqual(await readAll(store, inbox.id), kept)
  assert.deepEqual((await store.check()).problems, [])
  await store.close()
  const again = await openStore({ directory })
  assert.deepEqual(await readAll(again, inbox.id), kept)
  await again.close()
})

test('compaction by a command: the server is asked to let go of its open segment', async (t) => {
  const { directory, store, inbox } = await filled(t)
  await store.messages.discard(inbox.id, uids(1, 38))
  const before = await readAll(store, inbox.id)
  const command = await openStore({ directory })
  const { segmentsRemoved, freedBytes } = await command.compact()
  assert.equal(segmentsRemoved, 1)
  assert.ok(freedBytes > 37 * messageBytes)
  await command.close()
  assert.deepEqual(await readAll(store, inbox.id), before)
  await fillInbox(store, inbox, 100)
  assert.deepEqual((await store.check()).problems, [])
  await store.close()
})
