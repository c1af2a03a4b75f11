import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type MailboxId, type Store, systemFlag, type Uid } from '../contract.ts'
import type { Reader } from '../kv/unit.ts'
import { emptyMailboxState } from '../rows/mailbox-row.ts'
import { openInbox } from '../testkit/open-inbox.ts'
import { append, sampleMessage, stage } from '../testkit/samples.ts'
import { ChangeCache } from './changes.ts'
import type { ViewCache } from './views.ts'

const seen = { system: systemFlag.seen, keywords: [] }
const count = 400

/** UIDs on both sides of a wide gap, as a COPY of very many leaves it: looked through in several turns. */
async function wideMailbox(store: Store, inbox: Parameters<Store['messages']['view']>[0]) {
  const items = []
  for (let at = 0; at < 2 * count; at++)
    items.push({
      message: await stage(store, sampleMessage(at, 200)),
      flags: { system: 0, keywords: [] },
      internalDateMs: 1,
      ...(at < count ? {} : { uid: (70_000 + at) as Uid }),
    })
  await store.messages.append(inbox, items)
  const view = await store.messages.view(inbox)
  assert.ok(view.mailbox.uidNext > 65_536)
  assert.equal(view.uids.length, 2 * count)
  return view
}

test('all changes of a large mailbox, and others are let in while they are looked for', async (t) => {
  const { store, inbox } = await openInbox(t)
  const before = await wideMailbox(store, inbox)
  await store.messages.changeFlags(inbox, before.uids, { op: 'add', flags: seen })
  let turns = 0
  let over = false
  const others = (): void => {
    turns++
    if (!over) setImmediate(others)
  }
  setImmediate(others)
  const changes = await store.messages.changesSince(inbox, 1 as typeof before.mailbox.highestModSeq)
  over = true
  assert.ok(turns >= 1, `${turns} turns`)
  assert.deepEqual([...changes.changed.uids], [...before.uids])
  assert.ok(changes.changed.flags0.every((flags) => (flags & systemFlag.seen) !== 0))
})

test('where many changes were is known, and others are let in while they are read', async () => {
  const empty: Reader = { get: () => undefined, range: () => [], rangeBackwards: () => [], count: () => 0 }
  const cache = new ChangeCache()
  const [changes, chunksEach] = [100, 60]
  for (let at = 0; at < changes; at++)
    cache.note(
      7,
      2 + at,
      Array.from({ length: chunksEach }, (_, chunk) => at * chunksEach + chunk),
    )
  const uids = Uint32Array.of(1)
  const state = {
    ...emptyMailboxState(),
    uidNext: changes * chunksEach * 32,
    highestModSeq: changes + 1,
  }
  let later = 0
  const reader = (): Reader => {
    later++
    return empty
  }
  const views = { uids: () => uids } as unknown as ViewCache
  const answer = await cache.since(empty, reader, { id: 7 as MailboxId, state }, 1, views)
  assert.equal(answer.modSeq, changes + 1)
  assert.ok(later >= 10, `${later} further turns`)
})

test('what comes while changes are looked for is in the next answer', async (t) => {
  const { store, inbox } = await openInbox(t)
  const before = await wideMailbox(store, inbox)
  const looking = store.messages.changesSince(inbox, 1 as typeof before.mailbox.highestModSeq)
  const placed = await append(store, inbox, sampleMessage(1, 200))
  const changes = await looking
  assert.ok(!changes.uids.includes(placed.uid))
  assert.ok(!changes.changed.uids.includes(placed.uid))
  assert.equal(changes.uidNext, before.mailbox.uidNext)
  const next = await store.messages.changesSince(inbox, changes.modSeq)
  assert.deepEqual([...next.changed.uids], [placed.uid])
})
