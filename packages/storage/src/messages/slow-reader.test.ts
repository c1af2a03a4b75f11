import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { MailboxId, Maintenance, Store } from '../contract.ts'
import { openStore } from '../index.ts'
import { closeEnvironment, openEnvironment } from '../kv/environment.ts'
import { append, mailboxOf, makeAccount, sampleMessage } from '../testkit/samples.ts'

const messages = 300

const prepare = async (
  t: TestContext,
): Promise<{ directory: string; store: Store & Maintenance; id: MailboxId }> => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-slow-'))
  const store = await openStore({ directory })
  t.after(async () => {
    await store.close()
    rmSync(directory, { recursive: true })
  })
  const { id } = await mailboxOf(store, await makeAccount(store))
  for (let number = 1; number <= messages; number++) await append(store, id, sampleMessage(number, 20_000))
  return { directory, store, id }
}

/** Pages of the index that are in use or were, after many changes with a flush each. */
const pagesAfterChanges = async (
  directory: string,
  store: Store & Maintenance,
  id: MailboxId,
): Promise<number> => {
  const { uids } = await store.messages.view(id)
  for (let round = 0; round < 60; round++) {
    const op = round % 2 === 0 ? 'add' : 'remove'
    await store.messages.changeFlags(id, uids, { op, flags: { system: 4, keywords: [] } })
    await store.flushJournal()
  }
  const environment = openEnvironment(join(directory, 'index.mdb'), 'logged')
  const { lastPageNumber } = environment.getStats() as { lastPageNumber: number }
  await closeEnvironment(environment)
  return lastPageNumber
}

test('a reader of a whole mailbox that waits for its client keeps no state of the index: it does not grow', async (t) => {
  const { directory, store, id } = await prepare(t)
  const before = await pagesAfterChanges(directory, store, id)
  const { uids } = await store.messages.view(id)
  const readers = [
    store.messages.fetch(id, uids, { bytes: 'all' }),
    store.messages.fetch(id, uids, { facts: true, summary: true }),
    store.messages.fetch(id, uids, { bytes: 'header' }),
  ].map((batches) => batches[Symbol.asyncIterator]())
  const read: number[] = []
  for (const reader of readers) read.push((await reader.next()).value?.uids.length ?? 0)
  assert.ok((read[0] as number) < messages, 'there is more to come')
  const after = await pagesAfterChanges(directory, store, id)
  // A state that is held would cost the pages of each of the 60 changes.
  assert.ok(after - before < 60, `${before} pages, then ${after}`)
  for (const [index, reader] of readers.entries()) {
    let count = read[index] as number
    for (let next = await reader.next(); next.done !== true; next = await reader.next())
      count += next.value.uids.length
    assert.equal(count, messages, 'the rest comes when the client goes on')
  }
})
