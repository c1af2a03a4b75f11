import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { ModSeq, Wake, WakeBus } from './contract.ts'
import { closeEnvironment, openEnvironment, transact } from './kv/environment.ts'
import { keyAfter, keyOfTable, tables, write64 } from './kv/keys.ts'
import { Snapshot, type Unit } from './kv/unit.ts'
import { logStateKey, readLogState } from './log/log-state.ts'
import { openStore, openStoreWith } from './open-store.ts'
import { writeSequence } from './rows/sequence.ts'
import { append, mailboxOf, makeAccount, sampleMessage } from './testkit/samples.ts'
import { describeStoreContract } from './testkit/store-contract.ts'

const temporary = (): string => mkdtempSync(join(tmpdir(), 'posthorn-store-'))

describeStoreContract('the store on LMDB and segments', async () => {
  const directory = temporary()
  let store = await openStore({ directory })
  return {
    get store() {
      return store
    },
    async reopen() {
      await store.close()
      store = await openStore({ directory })
      return store
    },
    async dispose() {
      const { problems } = await store.check()
      await store.close()
      rmSync(directory, { recursive: true })
      assert.deepEqual(problems, [], 'every counter and reference is right')
    },
  }
})

describe('versions of the store', () => {
  test('a newer store is refused and left as it is', async () => {
    const directory = temporary()
    await (await openStoreWith({ storeVersion: 99 }, { directory })).close()
    await assert.rejects(openStore({ directory }), { kind: 'newer-version' })
    await (await openStoreWith({ storeVersion: 99 }, { directory })).close()
    rmSync(directory, { recursive: true })
  })

  test('an older store is upgraded once, after a snapshot of it', async () => {
    const directory = temporary()
    const old = await openStore({ directory })
    const account = await makeAccount(old)
    const { id } = await mailboxOf(old, account)
    await append(old, id, sampleMessage(1))
    await old.close()
    let runs = 0
    const parts = {
      storeVersion: 12,
      upgradeSteps: [
        {
          to: 12,
          run: (unit: Parameters<typeof writeSequence>[0]) => {
            runs++
            writeSequence(unit, 'next-account', 500)
          },
        },
      ],
    }
    for (let round = 0; round < 2; round++) {
      const store = await openStoreWith(parts, { directory })
      assert.equal((await store.messages.view(id)).uids.length, 1)
      await store.close()
    }
    assert.equal(runs, 1)
    const upgraded = await openStoreWith(parts, { directory })
    assert.equal((await makeAccount(upgraded, 'new@example.org')).id, 500)
    await upgraded.close()
    const [snapshot] = readdirSync(join(directory, 'snapshots'))
    const former = await openStore({ directory: join(directory, 'snapshots', String(snapshot)) })
    assert.equal((await former.messages.view(id)).uids.length, 1)
    await former.close()
    rmSync(directory, { recursive: true })
  })
})

test('a store of version 2 finds its mailboxes by their use after the upgrade; the copy before it is whole', async () => {
  const directory = temporary()
  const made = await openStoreWith({ storeVersion: 1 }, { directory })
  const account = await makeAccount(made)
  await made.close()
  const forget = (unit: Unit): void => {
    const start = keyOfTable(tables.specialUse)
    for (const { key } of [...unit.range({ start, end: keyAfter(start) })]) unit.remove(key)
  }
  const second = await openStoreWith(
    { storeVersion: 2, upgradeSteps: [{ to: 2, run: forget }] },
    { directory },
  )
  await second.close()
  const store = await openStore({ directory })
  const sent = (await store.mailboxes.list(account.id)).find(({ name }) => name === 'Sent')
  assert.deepEqual(sent?.specialUse, ['Sent'])
  assert.deepEqual((await store.check()).problems, [])
  await store.close()
  assert.equal(readdirSync(join(directory, 'snapshots')).length, 2)
  rmSync(directory, { recursive: true })
})

test('a store of version 1, which has no log, is opened and has one', async () => {
  const directory = temporary()
  const old = await openStoreWith({ storeVersion: 1 }, { directory })
  const account = await makeAccount(old)
  const { id } = await mailboxOf(old, account)
  await append(old, id, sampleMessage(1))
  await old.close()
  rmSync(join(directory, 'log'), { recursive: true })
  const environment = openEnvironment(join(directory, 'index.mdb'), 'synced')
  const next = readLogState(new Snapshot(environment)).next
  const sequence = Buffer.alloc(8)
  write64(sequence, next, 0)
  transact(environment, () => environment.putSync(logStateKey, sequence))
  await closeEnvironment(environment)
  for (let round = 2; round < 5; round++) {
    const store = await openStore({ directory })
    assert.equal((await append(store, id, sampleMessage(round))).uid, round)
    assert.deepEqual((await store.check()).problems, [])
    assert.equal(readdirSync(join(directory, 'log')).filter((name) => name.endsWith('.log')).length, 1)
    await store.close()
  }
  assert.equal(readdirSync(join(directory, 'snapshots')).length, 1)
  await assert.rejects(openStoreWith({ storeVersion: 1, upgradeSteps: [] }, { directory }), {
    kind: 'newer-version',
  })
  rmSync(directory, { recursive: true })
})

test('an upgrade that ends half-way is repeated by the next opening', async () => {
  const directory = temporary()
  const old = await openStore({ directory })
  const account = await makeAccount(old)
  const { id } = await mailboxOf(old, account)
  await append(old, id, sampleMessage(1))
  await old.close()
  let fails = true
  const parts = {
    storeVersion: 13,
    upgradeSteps: [
      { to: 12, run: (unit: Parameters<typeof writeSequence>[0]) => writeSequence(unit, 'next-account', 70) },
      {
        to: 13,
        run: (unit: Parameters<typeof writeSequence>[0]) => {
          writeSequence(unit, 'next-account', 5)
          if (fails) throw new Error('power')
        },
      },
    ],
  }
  await assert.rejects(openStoreWith(parts, { directory }), /power/)
  await assert.rejects(openStore({ directory }), { kind: 'newer-version' })
  fails = false
  const store = await openStoreWith(parts, { directory })
  assert.equal((await makeAccount(store, 'next@example.org')).id, 5)
  assert.equal((await store.messages.view(id)).uids.length, 1)
  assert.deepEqual((await store.check()).problems, [])
  await store.close()
  rmSync(directory, { recursive: true })
})

test('wake-ups go to the bus and come from it', async () => {
  const directory = temporary()
  const published: Wake[] = []
  let hear: (wake: Wake) => void = () => {}
  let left = false
  const wakeBus: WakeBus = {
    publish: (wake) => published.push(wake),
    subscribe: (listener) => {
      hear = listener
      return () => {
        left = true
      }
    },
  }
  const store = await openStore({ directory, wakeBus })
  const account = await makeAccount(store)
  const { id } = await mailboxOf(store, account)
  const heard: number[] = []
  const stop = store.watchMailbox(id, (modSeq) => heard.push(modSeq))
  const { modSeq } = await append(store, id, sampleMessage(1))
  assert.deepEqual(published.at(-1), { kind: 'mailbox', mailbox: id, account: account.id, modSeq })
  hear({ kind: 'mailbox', mailbox: id, account: account.id, modSeq: (modSeq + 1) as ModSeq })
  assert.deepEqual(heard, [modSeq, modSeq + 1])
  stop()
  hear({ kind: 'mailbox', mailbox: id, account: account.id, modSeq: (modSeq + 2) as ModSeq })
  assert.equal(heard.length, 2)
  await store.close()
  assert.ok(left)
  rmSync(directory, { recursive: true })
})
