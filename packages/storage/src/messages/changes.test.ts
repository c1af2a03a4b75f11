import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Store, systemFlag } from '../contract.ts'
import { openInbox } from '../testkit/open-inbox.ts'
import { append, sampleMessage, stage } from '../testkit/samples.ts'

const seen = { system: systemFlag.seen, keywords: [] }
const count = 400

/** UIDs behind a gap of 65,536, as a COPY in steps leaves it: looked through in several turns. */
async function wideMailbox(store: Store, inbox: Parameters<Store['messages']['view']>[0]) {
  const items = []
  for (let at = 0; at < count; at++)
    items.push({
      message: await stage(store, sampleMessage(at, 200)),
      flags: { system: 0, keywords: [] },
      internalDateMs: 1,
    })
  await store.messages.append(inbox, items)
  const first = await store.messages.view(inbox)
  await store.messages.copy(inbox, first.uids, inbox)
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
  assert.ok(turns >= 2, `${turns} turns`)
  assert.deepEqual([...changes.changed.uids], [...before.uids])
  assert.ok(changes.changed.flags0.every((flags) => (flags & systemFlag.seen) !== 0))
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
