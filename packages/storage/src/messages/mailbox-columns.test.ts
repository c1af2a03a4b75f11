import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemFlag } from '../contract.ts'
import type { Entry } from '../kv/environment.ts'
import type { Reader } from '../kv/unit.ts'
import { chunkKey, chunkOfKey, encodeChunk, type Placement, sealChunk } from '../rows/chunk.ts'
import { openInbox } from '../testkit/open-inbox.ts'
import { MailboxColumns } from './mailbox-columns.ts'
import { RecentChanges } from './recent-changes.ts'
import { ViewCache } from './views.ts'

const mailbox = 7

/** A mailbox of chunks in memory, and how many of them were read. */
class Chunks implements Reader {
  reads = 0
  readonly placements: Placement[]

  constructor(uids: readonly number[]) {
    this.placements = uids.map((uid) => ({
      uid,
      flags0: 0,
      flags1: 0,
      modSeq: 1,
      messageId: uid + 1_000,
      blobId: uid + 2_000,
      sizeBytes: uid + 3_000,
      internalDateMs: uid,
      saveDateMs: uid,
      missingOctets: 0,
    }))
  }

  /** Sets \Seen. */
  change(uid: number, modSeq: number): void {
    const placement = this.placements.find((each) => each.uid === uid)!
    placement.flags0 |= systemFlag.seen
    placement.modSeq = modSeq
  }

  get(key: Buffer): Buffer | undefined {
    this.reads++
    const chunk = chunkOfKey(key)
    const inside = this.placements.filter(({ uid }) => uid >>> 5 === chunk)
    return inside.length === 0 ? undefined : sealChunk(mailbox, chunk, encodeChunk(inside))
  }

  *range({ start, end }: { start?: Buffer; end?: Buffer }): Iterable<Entry> {
    const chunks = new Set(this.placements.map(({ uid }) => uid >>> 5))
    for (const chunk of chunks) {
      const key = chunkKey(mailbox, chunk)
      if (start !== undefined && key.compare(start) < 0) continue
      if (end !== undefined && key.compare(end) >= 0) continue
      yield { key, value: this.get(key)! }
    }
  }

  rangeBackwards(): Iterable<Entry> {
    throw new Error('Nobody reads backwards')
  }

  count(): number {
    throw new Error('Nobody counts')
  }
}

test('columns of a mailbox follow changes of flags: what else is known of the messages is not read again', async () => {
  const uids = Uint32Array.from({ length: 300 }, (_, at) => at * 3 + 1)
  const chunks = new Chunks([...uids])
  const recent = new RecentChanges()
  const columns = new MailboxColumns()
  const at = (modSeq: number, of = uids) =>
    columns.of(
      () => chunks,
      { id: mailbox, modSeq, changedChunks: (since) => recent.between(mailbox, since, modSeq) },
      of,
    )
  const first = (await at(1))!
  const readAtFirst = chunks.reads
  assert.ok(readAtFirst >= 28)
  chunks.change(100, 2)
  recent.note(mailbox, 2, [100 >>> 5])
  chunks.change(895, 3)
  recent.note(mailbox, 3, [895 >>> 5])
  const second = (await at(3))!
  assert.equal(chunks.reads, readAtFirst + 2)
  assert.equal(second.messageIds, first.messageIds)
  const seen = (batch: { flags0: Uint32Array }) =>
    [...uids].filter((_, row) => (batch.flags0[row]! & systemFlag.seen) !== 0)
  assert.deepEqual(seen(second.batch), [100, 895])
  assert.equal(second.batch.modSeqs[uids.indexOf(895)], 3)
  // Whoever has the former ones sees what they saw.
  assert.deepEqual(seen(first.batch), [])
  assert.equal(await at(3), second)

  // A change that nobody noted, and other messages: all of it is read.
  chunks.change(4, 5)
  assert.deepEqual(seen((await at(5))!.batch), [4, 100, 895])
  assert.ok(chunks.reads >= readAtFirst * 2)
  recent.note(mailbox, 6, [])
  const before = chunks.reads
  await at(6, uids.slice())
  assert.ok(chunks.reads >= before + 28)
})

test('searches for flags find what the messages have, whatever was changed, came or went before', async (t) => {
  const { store, inbox } = await openInbox(t)
  const add = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const writer = store.messages.stage()
      await writer.write(Buffer.from('Subject: x\r\n\r\nx'))
      const message = await writer.finish()
      await store.messages.append(inbox, [{ message, flags: { system: 0, keywords: [] }, internalDateMs: 0 }])
    }
  }
  await add(80)
  let next = 1
  const random = (below: number): number => {
    next = (Math.imul(next, 1_103_515_245) + 12_345) >>> 0
    return (next >>> 8) % below
  }
  const unseen = { kind: 'not', of: { kind: 'flag', mask: systemFlag.seen } } as const
  for (let step = 0; step < 120; step++) {
    const { uids } = await store.messages.view(inbox)
    const from = random(uids.length)
    const some = uids.subarray(from, from + 1 + random(5))
    const deed = random(12)
    if (deed === 0) await add(1)
    else if (deed === 1) await store.messages.discard(inbox, some)
    else {
      const flags = { system: systemFlag.seen, keywords: [] }
      await store.messages.changeFlags(inbox, some, { op: deed < 8 ? 'add' : 'remove', flags })
    }
    const now = (await store.messages.view(inbox)).uids
    const wanted: number[] = []
    for await (const batch of store.messages.fetch(inbox, now, {}))
      batch.uids.forEach((uid, row) => {
        if ((batch.flags0[row]! & systemFlag.seen) === 0) wanted.push(uid)
      })
    const found = await store.messages.search(inbox, unseen)
    assert.deepEqual([...found.uids], wanted, `step ${step}`)
  }
})

test('what is kept of mailboxes without messages makes room, too: clients make and search such without end', async () => {
  const none = new Uint32Array(0)
  const chunks = new Chunks([])
  const columns = new MailboxColumns()
  const of = (id: number) => columns.of(() => chunks, { id, modSeq: 1, changedChunks: () => undefined }, none)
  const first = await of(1)
  for (let id = 2; id <= 10_000; id++) await of(id)
  assert.equal(await of(1), first, 'many are kept')
  for (let id = 2; id <= 20_000; id++) await of(id)
  assert.notEqual(await of(1), first)

  const views = new ViewCache(4_096)
  const counted = { highestModSeq: 1, messages: 0, unseen: 0, uidNext: 1, historyFloor: 1 }
  const view = (id: number) => views.uids(chunks, { id, ...counted })
  const firstView = view(1)
  for (let id = 2; id <= 100_000; id++) view(id)
  assert.equal(view(1), firstView, 'many are kept')
  for (let id = 2; id <= 200_000; id++) view(id)
  assert.notEqual(view(1), firstView)
})
