import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openStore, restoreStore } from '../index.ts'
import { openStoreWith } from '../open-store.ts'
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from '../testkit/samples.ts'

const temporary = (t: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-backup-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

test('backup beside deliveries, removals and a COPY in many steps: the restored store is whole', async (t) => {
  const folder = temporary(t)
  const directory = join(folder, 'store')
  const store = await openStoreWith({ stepMessages: 32 }, { directory })
  const account = await makeAccount(store)
  const { id } = await mailboxOf(store, account)
  const { id: trash } = await mailboxOf(store, account, 'Trash')
  for (let number = 1; number <= 150; number++) await append(store, id, sampleMessage(number, 3_000))
  const acknowledged = new Map<number, Buffer>()
  let isOver = false
  const deliver = async (first: number): Promise<void> => {
    for (let number = first; !isOver; number++) {
      const bytes = sampleMessage(number, 2_000)
      acknowledged.set((await append(store, id, bytes)).uid, bytes)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const copyAndClear = async (): Promise<void> => {
    const uids = Uint32Array.from({ length: 150 }, (_, n) => n + 1)
    while (!isOver) {
      const { to } = await store.messages.copy(id, uids, trash)
      await store.messages.discard(trash, to)
    }
  }
  const working = Promise.all([deliver(1_000), deliver(5_000), copyAndClear()])
  for (let round = 0; round < 4; round++) {
    const before = new Map(acknowledged)
    const target = join(folder, `backup ${round}`)
    await store.backup(target)
    const elsewhere = join(folder, `restored ${round}`)
    await restoreStore(target, elsewhere)
    const restored = await openStore({ directory: elsewhere })
    await restored.compact()
    assert.deepEqual((await restored.check()).problems, [])
    const found = await readAll(restored, id)
    for (const [uid, bytes] of before)
      assert.ok(found.get(uid)?.equals(bytes), `UID ${uid} is not in the backup`)
    const copies = (await restored.messages.view(trash)).uids.length
    assert.ok(copies <= 150)
    await append(restored, id, sampleMessage(1))
    await restored.close()
  }
  isOver = true
  await working
  await store.close()
})

test('backup beside long messages, each in a segment of its own: the restored store takes mail', async (t) => {
  const folder = temporary(t)
  const store = await openStore({ directory: join(folder, 'store') })
  const { id } = await mailboxOf(store, await makeAccount(store))
  const long = sampleMessage(1, 1_100_000)
  const acknowledged = new Set<number>()
  for (let round = 0; round < 2; round++) {
    let isOver = false
    const deliver = async (): Promise<void> => {
      while (!isOver) acknowledged.add((await append(store, id, long)).uid)
    }
    const enough = acknowledged.size + 4
    const working = Promise.all([deliver(), deliver(), deliver(), deliver()])
    while (acknowledged.size < enough) await new Promise((resolve) => setTimeout(resolve, 5))
    const before = [...acknowledged]
    const target = join(folder, `backup ${round}`)
    await store.backup(target).finally(() => {
      isOver = true
    })
    await working
    const elsewhere = join(folder, `restored ${round}`)
    await restoreStore(target, elsewhere)
    const restored = await openStore({ directory: elsewhere })
    for (let number = 2; number < 6; number++) await append(restored, id, sampleMessage(number, 1_100_000))
    const found = new Set((await restored.messages.view(id)).uids)
    for (const uid of before) assert.ok(found.has(uid), `UID ${uid} is not in the backup`)
    assert.deepEqual((await restored.check()).problems, [])
    await restored.close()
  }
  await store.close()
})

test('backup and restore write over nothing', async (t) => {
  const folder = temporary(t)
  const store = await openStore({ directory: join(folder, 'store') })
  await makeAccount(store)
  const full = join(folder, 'full')
  mkdirSync(full)
  writeFileSync(join(full, 'letter'), 'x')
  await assert.rejects(store.backup(full), { kind: 'in-use' })
  await store.backup(join(folder, 'backup'))
  await assert.rejects(restoreStore(join(folder, 'backup'), join(folder, 'store')), {
    kind: 'in-use',
    message: /a store is there \(mv \S+store \S+store\.old, then again\)$/,
  })
  await store.close()
})

test('backup to a full disk: it fails, says so, is no backup, and the store goes on', async (t) => {
  const folder = temporary(t)
  const small = join(folder, 'small')
  mkdirSync(small)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small], { stdio: 'ignore' })
  } catch {
    return t.skip('mount is not permitted here')
  }
  const store = await openStore({ directory: join(folder, 'store') })
  try {
    const account = await makeAccount(store)
    const { id } = await mailboxOf(store, account)
    for (let number = 1; number <= 300; number++) await append(store, id, sampleMessage(number, 8_000))
    const target = join(small, 'backup')
    await assert.rejects(store.backup(target), { kind: 'no-space' })
    assert.ok(!existsSync(join(target, 'backup.json')))
    await assert.rejects(restoreStore(target, join(folder, 'elsewhere')), { kind: 'corrupt' })
    assert.ok(!existsSync(join(folder, 'elsewhere')))
    assert.deepEqual(readdirSync(target), [], 'what was written of it is gone')
    await append(store, id, sampleMessage(1))
    await store.compact()
    assert.deepEqual((await store.check()).problems, [])
    await store.backup(join(folder, 'with room'))
    await assert.rejects(restoreStore(join(folder, 'with room'), join(small, 'restored')), {
      kind: 'no-space',
    })
    assert.deepEqual(readdirSync(join(small, 'restored')), [])
  } finally {
    await store.close()
    execFileSync('umount', ['-l', small])
  }
})
