import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Account, Maintenance, Store, StoreError } from '../contract.ts'
import { rebuildStoreWith } from '../maintenance/rebuild.ts'
import { restoreStoreWith } from '../maintenance/restore.ts'
import { openStoreWith, type StoreParts } from '../open-store.ts'
import { FaultyFileLayer } from '../testkit/faulty-file-layer.ts'
import {
  acceptance,
  append,
  mailboxOf,
  makeAccount,
  readAll,
  sampleMessage,
  stage,
  toRemote,
} from '../testkit/samples.ts'

type Whole = Store & Maintenance
type Expected = ReadonlyMap<number, Buffer>

const temporary = (): string => mkdtempSync(join(tmpdir(), 'posthorn-upkeep-'))
const quiet = { log: () => {} }

interface Prepared {
  readonly directory: string
  readonly account: Account
  /** Of INBOX, by UID. */
  readonly expected: Expected
}

/** Two segments, much of the first dead, and one message waiting for another server. */
const prepare = async (parts: StoreParts = {}): Promise<Prepared> => {
  const directory = temporary()
  const expected = new Map<number, Buffer>()
  let store = await openStoreWith(parts, { directory, ...quiet })
  const account = await makeAccount(store)
  const { id } = await mailboxOf(store, account)
  for (let number = 1; number <= 30; number++) {
    const bytes = sampleMessage(number, number % 10 === 0 ? 60_000 : 1_000)
    expected.set((await append(store, id, bytes)).uid, bytes)
  }
  const message = await stage(store, sampleMessage(99))
  await store.queue.accept(acceptance(store, message, [toRemote('a@b.example')]))
  await store.close()
  store = await openStoreWith(parts, { directory, ...quiet })
  const gone = Uint32Array.from({ length: 22 }, (_, n) => n + 3)
  await store.messages.discard(id, gone)
  for (const uid of gone) expected.delete(uid)
  await store.close()
  return { directory, account, expected }
}

const verify = async (store: Whole, account: Account, expected: Expected, what: string): Promise<void> => {
  assert.deepEqual((await store.check()).problems, [], what)
  const { id } = await mailboxOf(store, account)
  const present = await readAll(store, id)
  for (const [uid, bytes] of expected)
    assert.ok(present.get(uid)?.equals(bytes), `${what}: UID ${uid} is lost`)
  assert.equal(present.size, expected.size, `${what}: what was removed stays removed`)
  assert.equal((await store.queue.list()).length, 1, what)
  const { uid } = await append(store, id, sampleMessage(50))
  assert.ok(uid > 30, `${what}: a UID is used again`)
}

/** Does the work with a file layer that fails at that call. What it had answered until then. */
type Work = (files: FaultyFileLayer, prepared: Prepared) => Promise<unknown>

const countCalls = async (prepared: Prepared, work: Work): Promise<number> => {
  const directory = `${prepared.directory}-count`
  cpSync(prepared.directory, directory, { recursive: true })
  const files = new FaultyFileLayer({ kind: 'none' })
  await work(files, { ...prepared, directory })
  rmSync(directory, { recursive: true })
  return files.calls
}

/** Each call, or so many of them, spread evenly. */
const callsOf = (all: number, most: number): number[] => {
  const step = Math.max(1, all / most)
  return Array.from({ length: Math.min(all, most) }, (_, n) => Math.min(all, 1 + Math.floor(n * step)))
}

const powerFails = async (work: Work, parts: StoreParts = {}, most = 16): Promise<void> => {
  const prepared = await prepare(parts)
  const all = await countCalls(prepared, work)
  assert.ok(all >= 5, `${all} calls`)
  for (const atCall of callsOf(all, most)) {
    const directory = `${prepared.directory}-${atCall}`
    cpSync(prepared.directory, directory, { recursive: true })
    const files = new FaultyFileLayer({ kind: 'power', atCall }, atCall)
    const working = work(files, { ...prepared, directory }).catch(() => {})
    await Promise.race([files.down, working])
    await new Promise((resolve) => setTimeout(resolve, 5))
    const left = `${directory}-left`
    files.loseUnsynced(directory, left)
    const what = `power fails at call ${atCall} of ${all}`
    const store = await openStoreWith({}, { directory: left, ...quiet }).catch((error: StoreError) => {
      throw new Error(`${what}: ${error.message}`, { cause: error })
    })
    try {
      await verify(store, prepared.account, prepared.expected, what)
    } finally {
      await store.close()
    }
    rmSync(directory, { recursive: true, force: true })
    rmSync(left, { recursive: true })
  }
  rmSync(prepared.directory, { recursive: true })
}

const errorStrikes = async (
  code: 'ENOSPC' | 'EIO',
  work: Work,
  parts: StoreParts = {},
  most = 10,
): Promise<void> => {
  const prepared = await prepare(parts)
  const all = await countCalls(prepared, work)
  for (const atCall of callsOf(all, most)) {
    const directory = `${prepared.directory}-${atCall}`
    cpSync(prepared.directory, directory, { recursive: true })
    await work(new FaultyFileLayer({ kind: 'error', atCall, code }), { ...prepared, directory }).catch(
      () => {},
    )
    const store = await openStoreWith({}, { directory, ...quiet })
    try {
      await verify(store, prepared.account, prepared.expected, `${code} at call ${atCall} of ${all}`)
    } finally {
      await store.close()
    }
    rmSync(directory, { recursive: true })
  }
  rmSync(prepared.directory, { recursive: true })
}

const opened = async (
  files: FaultyFileLayer,
  { directory }: Prepared,
  work: (store: Whole) => Promise<unknown>,
): Promise<void> => {
  const store = await openStoreWith({ files, logCapacityBytes: 64 * 1024 }, { directory, ...quiet })
  try {
    await work(store)
  } finally {
    await store.close()
  }
}

const upgrade: Work = (files, prepared) => opened(files, prepared, async () => {})
const compact: Work = (files, prepared) => opened(files, prepared, (store) => store.compact())
const backup: Work = (files, prepared) =>
  opened(files, prepared, (store) => store.backup(join(prepared.directory, 'backup')))

/** A process that ended without closing the store: the next opening writes a checkpoint. */
const checkpoint: Work = (files, prepared) => {
  const dead = { pid: 999_999_999, startTicks: 1, boot: 'none', token: 77 }
  writeFileSync(join(prepared.directory, 'processes', '77.json'), `${JSON.stringify(dead)} `)
  return opened(files, prepared, async () => {})
}

/** A log of another length is made, and taken into use. */
const replaceLog: Work = async (files, prepared) => {
  const store = await openStoreWith({ files }, { directory: prepared.directory, ...quiet })
  const trash = await mailboxOf(store, prepared.account, 'Trash')
  for (let number = 1; number <= 40; number++) await append(store, trash.id, sampleMessage(number, 20_000))
  await store.close()
}

for (const [name, work, parts] of [
  ['an upgrade from version 1', upgrade, { storeVersion: 1 }],
  ['compaction', compact, {}],
  ['a backup', backup, {}],
  ['a checkpoint', checkpoint, {}],
  ['the replacement of the log', replaceLog, {}],
] as const) {
  test(`power fails at the nth call of ${name}: the store is whole, and nothing removed is back`, () =>
    powerFails(work, parts))
  for (const code of ['ENOSPC', 'EIO'] as const) {
    test(`${code} at the nth call of ${name}: it fails at most, and the store is whole`, () =>
      errorStrikes(code, work, parts))
  }
}

test('power fails at the nth call of a backup: it is whole, or no backup', async () => {
  const prepared = await prepare()
  const all = await countCalls(prepared, backup)
  for (const atCall of callsOf(all, 15)) {
    const directory = `${prepared.directory}-${atCall}`
    cpSync(prepared.directory, directory, { recursive: true })
    const files = new FaultyFileLayer({ kind: 'power', atCall }, atCall)
    const working = backup(files, { ...prepared, directory }).catch(() => {})
    await Promise.race([files.down, working])
    await new Promise((resolve) => setTimeout(resolve, 5))
    const left = `${directory}-left`
    files.loseCopies(join(directory, 'backup'), left)
    if (existsSync(join(left, 'backup.json'))) {
      const restored = `${directory}-restored`
      await restoreStoreWith(new FaultyFileLayer({ kind: 'none' }), left, restored)
      const store = await openStoreWith({}, { directory: restored, ...quiet })
      await verify(store, prepared.account, prepared.expected, `call ${atCall} of ${all}`)
      await store.close()
      rmSync(restored, { recursive: true })
    }
    for (const each of [directory, left]) rmSync(each, { recursive: true, force: true })
  }
  rmSync(prepared.directory, { recursive: true })
})

test('power fails at the nth call of a restore: it is whole, or refused and begun again', async () => {
  const prepared = await prepare()
  const saved = `${prepared.directory}-saved`
  const store = await openStoreWith({}, { directory: prepared.directory, ...quiet })
  await store.backup(saved)
  await store.close()
  const counting = new FaultyFileLayer({ kind: 'none' })
  await restoreStoreWith(counting, saved, `${prepared.directory}-counted`)
  for (let atCall = 1; atCall <= counting.calls; atCall++) {
    const directory = `${prepared.directory}-${atCall}`
    const files = new FaultyFileLayer({ kind: 'power', atCall }, atCall)
    const working = restoreStoreWith(files, saved, directory).catch(() => {})
    await Promise.race([files.down, working])
    const left = `${directory}-left`
    files.loseCopies(directory, left)
    const what = `call ${atCall} of ${counting.calls}`
    if (!existsSync(join(left, 'index.mdb'))) {
      if (existsSync(join(left, 'index.mdb.restoring')))
        await assert.rejects(
          openStoreWith({}, { directory: left, ...quiet }),
          { kind: 'corrupt', message: /restore/ },
          what,
        )
      else rmSync(left, { recursive: true, force: true })
      await restoreStoreWith(new FaultyFileLayer({ kind: 'none' }), saved, left)
    }
    const again = await openStoreWith({}, { directory: left, ...quiet })
    await verify(again, prepared.account, prepared.expected, what)
    await again.close()
    for (const each of [directory, left]) rmSync(each, { recursive: true, force: true })
  }
  for (const each of ['', '-saved', '-counted']) rmSync(`${prepared.directory}${each}`, { recursive: true })
})

test('power fails at the nth call of a rebuild: the former index, or the new one, or it is made again', async () => {
  const prepared = await prepare()
  const index = join(prepared.directory, 'index.mdb')
  writeFileSync(index, Buffer.alloc(statSync(index).size, 0x55))
  const rebuild: Work = (files, { directory }) => rebuildStoreWith(files, directory, 5)
  const all = await countCalls(prepared, rebuild)
  for (let atCall = 1; atCall <= all; atCall++) {
    const directory = `${prepared.directory}-${atCall}`
    cpSync(prepared.directory, directory, { recursive: true })
    const files = new FaultyFileLayer({ kind: 'power', atCall }, atCall)
    const working = rebuild(files, { ...prepared, directory }).catch(() => {})
    await Promise.race([files.down, working])
    await new Promise((resolve) => setTimeout(resolve, 5))
    const left = `${directory}-left`
    files.loseUnsynced(directory, left)
    const what = `call ${atCall} of ${all}`
    const opening = openStoreWith({}, { directory: left, ...quiet })
    const store = await opening.catch(async (error: StoreError) => {
      assert.equal(error.kind, 'corrupt', what)
      const report = await rebuildStoreWith(new FaultyFileLayer({ kind: 'none' }), left, 6)
      assert.deepEqual([report.lost, report.unknown, report.redelivered], [[], [], 0], what)
      return openStoreWith({}, { directory: left, ...quiet })
    })
    await verify(store, prepared.account, prepared.expected, what)
    await store.close()
    assert.ok(
      readdirSync(join(left, 'journal')).every((name) => !name.endsWith('.new')),
      what,
    )
    for (const each of [directory, left]) rmSync(each, { recursive: true, force: true })
  }
  rmSync(prepared.directory, { recursive: true })
})
