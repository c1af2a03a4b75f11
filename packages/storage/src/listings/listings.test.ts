import assert from 'node:assert/strict'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { MailboxId, MessageBatch, Store } from '../contract.ts'
import { openStore } from '../open-store.ts'
import { openInbox } from '../testkit/open-inbox.ts'
import { textsName } from '../texts/text-record.ts'
import { listingPath } from './listing-file.ts'
import { appendListings, compactListings, listingCounts } from './listing-writer.ts'

const maker = (version: number) => ({ module: new URL('./test-listing.ts', import.meta.url), version })

const append = async (store: Store, mailbox: MailboxId, count: number): Promise<void> => {
  for (let i = 0; i < count; i++) {
    const writer = store.messages.stage()
    await writer.write(Buffer.from(`Subject: number ${i}\r\n\r\n${'x'.repeat(i % 50)}`))
    const message = await writer.finish()
    await store.messages.append(mailbox, [{ message, flags: { system: 0, keywords: [] }, internalDateMs: 0 }])
  }
}

/** Messages that came with both columns; each is compared with what its own facts and summary say. */
const listed = async (store: Store, mailbox: MailboxId): Promise<number> => {
  const { uids } = await store.messages.view(mailbox)
  const summaries: Uint8Array[] = []
  for await (const batch of store.messages.fetch(mailbox, uids, { summary: true }))
    summaries.push(...(batch.summaries ?? []))
  let count = 0
  let row = 0
  for await (const { facts, listing } of store.messages.fetch(mailbox, uids, { listing: [1, 0] })) {
    for (const [at, sizeBytes] of (facts?.sizeBytes ?? []).entries()) {
      const columns = listing?.map(({ octets, starts, ends }) =>
        Buffer.from(octets.subarray(starts[at] as number, ends[at] as number)),
      )
      const summary = summaries[row++] as Uint8Array
      if (columns === undefined || columns[0]?.length === 0) continue
      assert.deepEqual(columns[0], Buffer.from(summary.subarray(0, 40)))
      assert.equal(columns[1]?.toString(), `${sizeBytes} `)
      count++
    }
  }
  assert.equal(row, uids.length)
  return count
}

test('listings: none at first, then of all messages, new ones with the next turn', async (t) => {
  const { store, inbox } = await openInbox(t, { listing: maker(1) })
  await append(store, inbox, 300)
  assert.equal(await listed(store, inbox), 0)
  await store.makeTexts()
  assert.equal(await listed(store, inbox), 300)
  await append(store, inbox, 5)
  assert.equal(await listed(store, inbox), 300)
  await store.makeTexts()
  assert.equal(await listed(store, inbox), 305)
  const { texts, problems } = await store.check()
  assert.deepEqual(problems, [])
  assert.equal(texts?.damaged, 0)
})

test('listings: who reads at the same time has memory of its own, and later ones use it again', async (t) => {
  const { store, inbox } = await openInbox(t, { listing: maker(1) })
  await append(store, inbox, 40)
  await store.makeTexts()
  const { uids } = await store.messages.view(inbox)
  const textsOf = ({ listing, uids: found }: MessageBatch): string[] => {
    const { octets, starts, ends } = listing![0]!
    return Array.from(found, (_, at) => Buffer.from(octets.subarray(starts[at], ends[at])).toString('latin1'))
  }
  const wanted = { listing: [0] } as const
  const readers = [uids.subarray(0, 20), uids.subarray(20), uids.subarray(10, 30)].map((part) =>
    store.messages.fetch(inbox, part, wanted)[Symbol.asyncIterator](),
  )
  const batches = await Promise.all(
    readers.map(async (reader) => (await reader.next()).value as MessageBatch),
  )
  const [first, second, third] = batches.map(textsOf)
  assert.deepEqual(third, [...first!, ...second!].slice(10, 30))
  await Promise.all(readers.map((reader) => reader.return?.()))
  for await (const batch of store.messages.fetch(inbox, uids, wanted))
    assert.deepEqual(textsOf(batch), [...first!, ...second!])
  const memory = batches.map(({ listing }) => listing![0]!.octets.buffer)
  for await (const { listing } of store.messages.fetch(inbox, uids, wanted))
    assert.ok(memory.includes(listing![0]!.octets.buffer))
})

test('listings: a message that cannot be listed is left out, the others are not', async (t) => {
  const { store, inbox } = await openInbox(t, { listing: maker(1) })
  await append(store, inbox, 3)
  const writer = store.messages.stage()
  await writer.write(Buffer.from('A: b\r\n\r\nhello'.slice(0, 13)))
  const message = await writer.finish()
  await store.messages.append(inbox, [{ message, flags: { system: 0, keywords: [] }, internalDateMs: 0 }])
  await store.makeTexts()
  assert.equal(await listed(store, inbox), 3)
})

test('listings follow copies and moves, and go with their messages', async (t) => {
  const { store, account, inbox, directory } = await openInbox(t, { listing: maker(1) })
  const archive = (await store.mailboxes.find(account.id, 'Archive'))?.id as MailboxId
  await append(store, inbox, 200)
  await store.makeTexts()
  const path = listingPath(join(directory, textsName), account.id)
  const before = statSync(path).size
  await store.messages.copy(inbox, Uint32Array.of(3, 4, 5), archive)
  await store.messages.move(inbox, Uint32Array.of(1, 2), archive)
  await store.makeTexts()
  assert.equal(await listed(store, archive), 5)
  assert.equal(await listed(store, inbox), 198)
  assert.equal(statSync(path).size, before)
  const { uids } = await store.messages.view(inbox)
  await store.messages.discard(inbox, uids.subarray(20))
  await store.makeTexts()
  assert.ok(statSync(path).size < before / 2)
  assert.equal(await listed(store, inbox), 20)
  assert.equal(await listed(store, archive), 5)
})

const harms: readonly [what: string, harm: (bytes: Buffer) => Buffer | undefined][] = [
  ['gone', () => undefined],
  ['nonsense', () => Buffer.from('nonsense, and more of it, and more of it')],
  ['a torn end', (bytes) => bytes.subarray(0, -300)],
  ['a wrong head of a block', (bytes) => bytes.fill(1, 40, 60)],
  ['wrong columns', (bytes) => bytes.fill(1, 4_000, 4_100)],
  ['a hole', (bytes) => bytes.fill(0, 2_000, 9_000)],
  ['a whole head and nothing behind it', (bytes) => bytes.subarray(0, 16)],
]

for (const [what, harm] of harms) {
  test(`listings with ${what} cost time only, and are made again`, async (t) => {
    const { store, account, inbox, directory } = await openInbox(t, { listing: maker(1) })
    await append(store, inbox, 150)
    await store.makeTexts()
    const path = listingPath(join(directory, textsName), account.id)
    const harmed = harm(readFileSync(path))
    rmSync(path)
    // Another file, as after a restart: what was read before is in memory.
    if (harmed !== undefined) writeFileSync(path, harmed)
    assert.ok((await listed(store, inbox)) < 150)
    await append(store, inbox, 1)
    await store.makeTexts()
    assert.equal(await listed(store, inbox), 151)
    assert.deepEqual((await store.check()).problems, [])
  })
}

test('listings of another version are made anew', async (t) => {
  const { store, inbox, directory, close } = await openInbox(t, { listing: maker(1) })
  await append(store, inbox, 100)
  await store.makeTexts()
  await close()
  const without = await openStore({ directory })
  assert.equal(await listed(without, inbox), 0)
  await without.makeTexts()
  await without.close()
  const next = await openStore({ directory, listing: maker(2) })
  assert.equal(await listed(next, inbox), 0)
  await next.makeTexts()
  assert.equal(await listed(next, inbox), 100)
  await next.close()
})

test('listings that came one by one are put together', async (t) => {
  const { directory } = await openInbox(t, { listing: maker(1) })
  const column = (i: number): Buffer => Buffer.from(`message ${i}`)
  for (let i = 1; i <= 500; i++) {
    const columns = [column(i), Buffer.alloc(0)] as const
    appendListings(directory, 7, 1, [{ messageId: i, blobId: i, sizeBytes: i, columns }])
  }
  assert.deepEqual(listingCounts(directory, 7), { blocks: 500, messages: 500 })
  compactListings(
    directory,
    7,
    1,
    Float64Array.from({ length: 450 }, (_, i) => i + 1),
  )
  assert.deepEqual(listingCounts(directory, 7), { blocks: 2, messages: 450 })
})
