import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Account, Maintenance, Store } from '../contract.ts'
import { rebuildStore } from '../maintenance/rebuild.ts'
import { openStoreWith } from '../open-store.ts'
import { append, mailboxOf, makeAccount, sampleMessage } from '../testkit/samples.ts'

const children = 40
/** Four names in a step. */
const stepMessages = 8

const open = async (
  t: TestContext,
): Promise<{ store: Store & Maintenance; account: Account; directory: string }> => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-names-'))
  const store = await openStoreWith({ stepMessages }, { directory, defaultMailboxes: [] })
  t.after(async () => {
    await store.close()
    rmSync(directory, { recursive: true })
  })
  const account = await makeAccount(store)
  for (let n = 0; n < children; n++) await store.mailboxes.create(account.id, `Top/box ${n}/leaf`)
  return { store, account, directory }
}

const namesOf = async (store: Store, account: Account): Promise<string[]> =>
  [...(await store.mailboxes.names(account.id, () => true)).keys()].sort()

test('RENAME of many goes in steps; who changes names meanwhile comes after it', async (t) => {
  const { store, account } = await open(t)
  const before = await namesOf(store, account)
  const { id, objectId } = await mailboxOf(store, account, 'Top/box 39/leaf')
  let isOver = false
  const renaming = store.mailboxes.rename(account.id, 'Top', 'New/Pot').finally(() => {
    isOver = true
  })
  const both: number[] = []
  const changes: Promise<unknown>[] = []
  while (!isOver) {
    const names = await namesOf(store, account)
    const old = names.filter((name) => name.startsWith('Top/')).length
    if (old > 0 && names.includes('New/Pot')) {
      both.push(old)
      assert.equal(names.length, before.length + 1, 'none is there twice, or lost')
      if (changes.length === 0)
        changes.push(
          append(store, id, sampleMessage(1)),
          store.mailboxes.create(account.id, 'Top/box 39/leaf'),
          store.mailboxes.rename(account.id, 'New', 'Newer'),
          store.mailboxes.remove(account.id, 'New/Pot/box 38/leaf'),
        )
    }
    await nextTurn()
  }
  await renaming
  assert.ok(new Set(both).size > 3, `${new Set(both).size} moments in between`)
  const made = await Promise.allSettled(changes)
  assert.deepEqual(
    made.slice(0, 3).map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled'],
  )
  const wasRemoved = made[3]?.status === 'fulfilled'
  const expected = before
    .map((name) => name.replace(/^Top/, 'Newer/Pot'))
    .filter((name) => !wasRemoved || name !== 'Newer/Pot/box 38/leaf')
    .concat(['Newer', 'Top', 'Top/box 39', 'Top/box 39/leaf'])
    .sort()
  assert.deepEqual(await namesOf(store, account), expected)
  const moved = await mailboxOf(store, account, 'Newer/Pot/box 39/leaf')
  assert.deepEqual([moved.id, moved.objectId, moved.messages], [id, objectId, 1])
  assert.equal((await mailboxOf(store, account, 'Top/box 39/leaf')).messages, 0)
  assert.deepEqual((await store.check()).problems, [])
})

test('RENAME of many is refused before anything changed when one name would be too long or too deep', async (t) => {
  const { store, account } = await open(t)
  await store.mailboxes.create(account.id, `Top/${'x'.repeat(900)}`)
  await store.mailboxes.create(account.id, `Top/${'d/'.repeat(20)}d`)
  const before = await namesOf(store, account)
  for (const to of ['p'.repeat(100), `${'p/'.repeat(12)}p`])
    await assert.rejects(store.mailboxes.rename(account.id, 'Top', to), { kind: 'invalid-name' })
  assert.deepEqual(await namesOf(store, account), before)
})

test('what a RENAME has left is done after a rebuild, too', async (t) => {
  const { store, account, directory } = await open(t)
  const before = await namesOf(store, account)
  const renaming = store.mailboxes.rename(account.id, 'Top', 'Pot')
  while ((await store.mailboxes.find(account.id, 'Pot/box 0')) === undefined) await nextTurn()
  assert.ok(await store.mailboxes.find(account.id, 'Top/box 9/leaf'))
  const copy = mkdtempSync(join(tmpdir(), 'posthorn-names-copy-'))
  t.after(() => rmSync(copy, { recursive: true }))
  cpSync(directory, copy, { recursive: true })
  await renaming
  rmSync(join(copy, 'processes'), { recursive: true, force: true })
  await rebuildStore(copy, Date.now())
  const rebuilt = await openStoreWith({ stepMessages }, { directory: copy, defaultMailboxes: [] })
  // What a living process would do beside its work.
  await rebuilt.compact()
  assert.deepEqual(await namesOf(rebuilt, account), before.map((name) => name.replace(/^Top/, 'Pot')).sort())
  assert.deepEqual((await rebuilt.check()).problems, [])
  await rebuilt.close()
})
