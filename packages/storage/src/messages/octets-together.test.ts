import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { FetchWant, MailboxId, MessageBatch, Store } from '../contract.ts'
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

const together: FetchWant = { bytes: 'all', together: true, memoryIsFree: () => true }

const prepare = async (t: TestContext) => {
  const directory = await mkdtemp(join(tmpdir(), 'together-'))
  const store = await openStore({ directory })
  t.after(async () => {
    await store.close()
    await rm(directory, { recursive: true })
  })
  const account = await makeAccount(store)
  return { directory, store, account, id: (await mailboxOf(store, account)).id }
}

const octetsOf = (batch: MessageBatch, row: number): Buffer => {
  const { memory, starts, ends } = batch.together ?? {}
  return Buffer.from(memory?.subarray(starts?.[row], ends?.[row]) ?? batch.bytes?.[row] ?? [])
}

/** By UID; and how many batches lay in one piece. */
const readAll = async (store: Store, id: MailboxId, want: FetchWant, uids?: Uint32Array) => {
  const found = new Map<number, Buffer>()
  let pieces = 0
  const wanted = uids ?? (await store.messages.view(id)).uids
  for await (const batch of store.messages.fetch(id, wanted, want)) {
    if (batch.together !== undefined) pieces++
    batch.uids.forEach((uid, row) => {
      found.set(uid, octetsOf(batch, row))
    })
  }
  return { found, pieces }
}

test('messages in one piece of memory are the same octets as one by one: with prefixes, gaps, beside others, with NUL', async (t) => {
  const { store, account, id } = await prepare(t)
  const other = await mailboxOf(store, await makeAccount(store, 'other@example.org'))
  for (let number = 0; number < 60; number++) {
    const delivered = await stage(store, sampleMessage(number, 300 + number * 40))
    const prefix = `Return-Path: <>\r\nX-Long: ${'p'.repeat(number * 20)}\r\n`
    await store.queue.accept(acceptance(store, delivered, [toMailbox(account, 'INBOX', prefix)]))
    await append(store, id, Buffer.from(`Subject: ${number}\r\n\r\n${number % 3 === 0 ? 'a\0b' : 'ab'}\r\n`))
    if (number % 20 === 7) await append(store, other.id, sampleMessage(number, 90_000))
  }
  for (const number of [1, 2, 3]) await append(store, id, sampleMessage(number, 700_000))
  await store.messages.discard(id, Uint32Array.of(3, 4, 5, 50, 51, 52))
  const expected = await readAll(store, id, { bytes: 'all' })
  const { found, pieces } = await readAll(store, id, together)
  assert.equal(found.size, 117)
  assert.equal(pieces, 2)
  assert.deepEqual(found, expected.found)
  assert.match(String(found.get(119)), /^Return-Path: <>\r\nX-Long: p/)
  const few = Uint32Array.of(1, 2, 60, 61, 120)
  assert.deepEqual((await readAll(store, id, together, few)).found.size, few.length)
})

test('rows of one piece lie in order and touch nothing: all before a message may be written over', async (t) => {
  const { store, id } = await prepare(t)
  for (let number = 0; number < 40; number++) await append(store, id, sampleMessage(number, 50))
  const { uids } = await store.messages.view(id)
  for await (const { together: octets, noNul } of store.messages.fetch(id, uids, together)) {
    assert.ok(octets !== undefined)
    octets.starts.forEach((start, row) => {
      octets.memory.fill(0xee, row === 0 ? 0 : octets.ends[row - 1], start)
    })
    octets.starts.forEach((start, row) => {
      assert.ok(sampleMessage(row, 50).equals(octets.memory.subarray(start, octets.ends[row])))
      assert.equal(noNul?.[row], 1)
    })
  }
})

test('what lies in another order, or twice, or is longer than wanted, comes one by one', async (t) => {
  const { store, account, id } = await prepare(t)
  for (let number = 1; number <= 6; number++) await append(store, id, sampleMessage(number, 400))
  const copies = (await store.mailboxes.create(account.id, 'Copies')).id
  for (const uid of [5, 2, 2, 6]) await store.messages.copy(id, Uint32Array.of(uid), copies)
  const { found, pieces } = await readAll(store, copies, together)
  assert.equal(pieces, 0)
  assert.deepEqual(
    [...found.values()],
    [5, 2, 2, 6].map((number) => sampleMessage(number, 400)),
  )
  await append(store, id, sampleMessage(7, 5_000))
  const short = await readAll(store, id, { ...together, maxBytes: 3_000 })
  assert.deepEqual(
    [short.pieces, short.found.get(7)?.length, short.found.get(6)?.length],
    [0, 0, sampleMessage(6, 400).length],
  )
})

test('after a damaged message the memory of batches that somebody still needs is left alone', async (t) => {
  const { directory, store: former, id } = await prepare(t)
  const count = 60
  for (let number = 1; number <= count; number++) await append(former, id, sampleMessage(number, 200_000))
  const folder = join(directory, 'segments')
  for (const name of await readdir(folder)) {
    const octets = await readFile(join(folder, name))
    const at = octets.indexOf('This is line of message 3.')
    if (at < 0) continue
    octets[at + 20] = 0x2a
    await writeFile(join(folder, name), octets)
  }
  let freed = -1
  const waiting: { readonly batch: MessageBatch; readonly octets: Buffer[] }[] = []
  const want: FetchWant = { ...together, memoryIsFree: (batch) => batch <= freed }
  const found: number[] = []
  let given = 0
  await assert.rejects(
    async () => {
      for await (const batch of former.messages.fetch(
        id,
        Uint32Array.from({ length: count }, (_, n) => n + 1),
        want,
      )) {
        for (const { batch: before, octets } of waiting)
          octets.forEach((expected, row) => {
            assert.ok(expected.equals(octetsOf(before, row)), `batch before ${given} is still needed`)
          })
        waiting.push({ batch, octets: [...batch.uids].map((_, row) => octetsOf(batch, row)) })
        found.push(...batch.uids)
        given++
        freed = given - 4
        if (waiting.length > 3) waiting.shift()
      }
    },
    { kind: 'corrupt' },
  )
  assert.deepEqual(
    found,
    Array.from({ length: count }, (_, n) => n + 1).filter((uid) => uid !== 3),
  )
})
