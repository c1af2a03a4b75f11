import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { StoreError } from './contract.ts'
import { openStore } from './index.ts'
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from './testkit/samples.ts'

const opened = async (t: TestContext, now?: () => number) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-store-'))
  const store = await openStore({ directory, ...(now === undefined ? {} : { now }) })
  t.after(async () => {
    const { problems } = await store.check()
    await store.close()
    rmSync(directory, { recursive: true })
    assert.deepEqual(problems, [])
  })
  return store
}

test('a quota reached by many at once holds to the octet', async (t) => {
  const store = await opened(t)
  const account = await makeAccount(store, 'alice@example.org', 10_500)
  const inbox = await mailboxOf(store, account)
  const trash = await mailboxOf(store, account, 'Trash')
  const tries = await Promise.allSettled(
    Array.from({ length: 40 }, (_, n) =>
      append(store, n % 2 === 0 ? inbox.id : trash.id, sampleMessage(n, 1_000)),
    ),
  )
  const refused = tries.filter((each) => each.status === 'rejected')
  assert.equal(tries.length - refused.length, 10)
  for (const { reason } of refused) assert.ok(reason instanceof StoreError && reason.kind === 'over-quota')
  const kept = [...(await readAll(store, inbox.id)).values(), ...(await readAll(store, trash.id)).values()]
  const { usedBytes, usedMessages } = await store.mailboxes.quota(account.id)
  assert.equal(usedMessages, 10)
  assert.equal(
    usedBytes,
    kept.reduce((sum, { length }) => sum + length, 0),
  )
  assert.ok(usedBytes <= 10_500)
})

test('RFC 9051 §2.3.1.1: a clock that jumps takes no UID and no UIDVALIDITY back', async (t) => {
  const day = 86_400_000
  let nowMs = 1_800_000_000_000
  const store = await opened(t, () => nowMs)
  const account = await makeAccount(store)
  const inbox = await mailboxOf(store, account)
  let lastUid = 0
  let lastValidity = 0
  for (const jump of [0, -day, 365 * day, -400 * day, 20_000 * day, -30_000 * day]) {
    nowMs += jump
    const placed = await append(store, inbox.id, sampleMessage(1))
    assert.ok(placed.uid > lastUid)
    lastUid = placed.uid
    const { uidValidity } = await store.mailboxes.create(account.id, 'again')
    assert.ok(uidValidity > lastValidity && uidValidity < 2 ** 32, `${uidValidity} after ${lastValidity}`)
    lastValidity = uidValidity
    await store.mailboxes.remove(account.id, 'again')
  }
})
