import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { AccountId, Store } from '../contract.ts'
import { openStore } from '../index.ts'
import { tables } from '../kv/keys.ts'
import type { Reader } from '../kv/unit.ts'
import { makeAccount } from '../testkit/samples.ts'
import { KnownNames } from './known-names.ts'

const openings = async (t: TestContext, count: number): Promise<readonly Store[]> => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-names-'))
  const stores: Store[] = []
  t.after(async () => {
    for (const store of stores) await store.close()
    rmSync(directory, { recursive: true })
  })
  for (let each = 0; each < count; each++) stores.push(await openStore({ directory }))
  return stores
}

/** What a list of names shows. */
const shown = async ({ mailboxes }: Store, account: AccountId) => ({
  names: [...(await mailboxes.names(account, () => true)).values()].map(
    (each) =>
      each && [each.id, each.name, each.uidValidity, ...each.specialUse, each.selectable, each.subscribed],
  ),
  subscriptions: await mailboxes.subscriptions(account),
})

test('names that are known are known until one of them changes, whoever changes it', async (t) => {
  const [maker, reader] = (await openings(t, 2)) as [Store, Store]
  const { id } = await makeAccount(maker)
  const { mailboxes } = maker
  let before = await shown(reader, id)
  const changes: Record<string, () => Promise<unknown>> = {
    create: () => mailboxes.create(id, 'a/b'),
    subscribe: () => mailboxes.subscribe(id, 'a/b', 'subscribed'),
    'subscribe what is not there': () => mailboxes.subscribe(id, 'gone', 'subscribed'),
    unsubscribe: () => mailboxes.subscribe(id, 'a/b', 'unsubscribed'),
    rename: () => mailboxes.rename(id, 'a', 'c'),
    'set a special use': async () => {
      const { id: mailbox } = (await mailboxes.find(id, 'c/b'))!
      await mailboxes.setSpecialUse(mailbox, ['Flagged'])
    },
    'continue from another server': async () => {
      const { id: mailbox } = (await mailboxes.find(id, 'c/b'))!
      await mailboxes.continueFrom(mailbox, { uidValidity: 1_234_567, uidNext: 7 })
    },
    'remove what has children': () => mailboxes.remove(id, 'c'),
    'create what was a name alone': () => mailboxes.create(id, 'c'),
    remove: () => mailboxes.remove(id, 'c/b'),
  }
  for (const [what, change] of Object.entries(changes)) {
    await change()
    const after = await shown(reader, id)
    assert.notDeepEqual(after, before, what)
    assert.deepEqual(await shown(reader, id), after, what)
    const all = await mailboxes.list(id)
    assert.deepEqual(
      after.names.map((each) => each?.[1]),
      all.map(({ name }) => name),
      what,
    )
    for (const mailbox of all)
      assert.deepEqual((await reader.mailboxes.names(id, () => true)).get(mailbox.name)?.id, mailbox.id, what)
    before = after
  }
  await maker.accounts.remove(id)
  assert.deepEqual(await reader.mailboxes.subscriptions(id), [])
  await assert.rejects(
    reader.mailboxes.names(id, () => true),
    { kind: 'no-such-account' },
  )
})

test('a name that changes while a long list is made is what it is now, and so is the next list', async (t) => {
  const [store] = (await openings(t, 1)) as [Store]
  const { id } = await makeAccount(store)
  const { mailboxes } = store
  for (let each = 10; each < 50; each++) await mailboxes.create(id, `m${each}`)
  await mailboxes.create(id, 'z0')
  await mailboxes.names(id, () => true)
  // A slow disk may let the list win.
  for (let attempt = 0, isSeen = false; !isSeen; attempt++) {
    assert.ok(attempt < 20, 'the list always ended first')
    let isRenamed = false
    const made = mailboxes.list(id, (name) => {
      for (const endMs = performance.now() + 4; performance.now() < endMs; );
      if (name.startsWith('z')) isSeen = isRenamed
      return true
    })
    await mailboxes.rename(id, `z${attempt}`, `z${attempt + 1}`)
    isRenamed = true
    const last = (await made).at(-1)?.name
    if (isSeen) assert.equal(last, `z${attempt + 1}`)
    assert.equal([...(await mailboxes.names(id, () => true)).keys()].at(-1), `z${attempt + 1}`)
  }
})

test('names of so many accounts are known as fit', () => {
  const reads: number[] = []
  const reader = {
    get: () => undefined,
    range: ({ start }: { readonly start: Buffer }) => {
      if (start[0] !== tables.mailboxByName) return []
      reads.push(start.readUInt32BE(1))
      return ['a', 'b', 'INBOX'].map((name) => ({
        key: Buffer.concat([start, Buffer.from(name)]),
        value: Buffer.alloc(8),
      }))
    },
  } as unknown as Reader
  const known = new KnownNames(10)
  for (const account of [1, 2, 3, 1, 2, 3]) {
    const { names } = known.of(reader, account)
    assert.deepEqual(
      names.map(({ name }) => name),
      ['INBOX', 'a', 'b'],
    )
  }
  assert.deepEqual(reads, [1, 2, 3])
  known.of(reader, 4)
  known.of(reader, 4)
  known.of(reader, 1)
  assert.deepEqual(reads, [1, 2, 3, 4, 1], 'what is known of all is forgotten where one more does not fit')
})
