import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Account } from '../contract.ts'
import { openStore, rebuildStore, restoreStore } from '../index.ts'
import { openStoreWith } from '../open-store.ts'
import { randomFrom } from '../testkit/faulty-file-layer.ts'
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from '../testkit/samples.ts'

const kills = 2
const url = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href)

/** Says when it begins; what it does is not waited for. */
const workerSource = `
import { writeSync } from 'node:fs'
import { openStore, rebuildStore, restoreStore } from ${url('../index.ts')}
const [, work, directory, other] = process.argv
writeSync(1, 'begun\\n')
if (work === 'rebuild') await rebuildStore(directory, 5)
else if (work === 'restore') await restoreStore(other, directory)
else {
  const store = await openStore({ directory, log: () => {} })
  if (work === 'compact') await store.compact()
  if (work === 'backup') await store.backup(other)
  await store.close()
}
writeSync(1, 'done\\n')
`

/** Runs it, to its end or until it is killed. How long it took from its beginning. */
const runUntil = async (killAfterMs: number | undefined, ...args: string[]): Promise<number> => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', workerSource, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let beganMs = 0
  child.stdout.once('data', () => {
    beganMs = performance.now()
    if (killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (killAfterMs === undefined) assert.equal(code, 0, args.join(' '))
  return performance.now() - beganMs
}

interface Prepared {
  readonly directory: string
  readonly account: Account
  readonly uids: readonly number[]
}

/** Three segments of which two are half dead. */
const prepare = async (t: TestContext, storeVersion?: number): Promise<Prepared> => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-kill-upkeep-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const parts = storeVersion === undefined ? {} : { storeVersion }
  let account: Account | undefined
  const uids: number[] = []
  for (let times = 0; times < 3; times++) {
    const store = await openStoreWith(parts, { directory })
    account ??= await makeAccount(store)
    const { id } = await mailboxOf(store, account)
    for (let number = 1; number <= 60; number++) {
      const { uid } = await append(store, id, sampleMessage(times * 60 + number, 30_000))
      if (number % 3 === 0) uids.push(uid)
      else await store.messages.discard(id, Uint32Array.of(uid))
    }
    await store.close()
  }
  return { directory, account: account as Account, uids }
}

const verify = async (directory: string, { account, uids }: Prepared, what: string): Promise<void> => {
  const store = await openStore({ directory, log: () => {} })
  try {
    assert.deepEqual((await store.check()).problems, [], what)
    const { id } = await mailboxOf(store, account)
    const present = await readAll(store, id)
    assert.deepEqual([...present.keys()], uids, what)
    for (const uid of uids) assert.ok(present.get(uid)?.equals(sampleMessage(uid, 30_000)), what)
    assert.ok((await append(store, id, sampleMessage(1))).uid > 180, what)
  } finally {
    await store.close()
  }
}

for (const [work, version] of [
  ['upgrade', 1],
  ['compact', undefined],
  ['backup', undefined],
  ['rebuild', undefined],
  ['restore', undefined],
] as const) {
  test(`kill -9 in the middle of ${work}: the store is whole, and it can be done again`, async (t) => {
    const prepared = await prepare(t, version)
    const saved = `${prepared.directory}-saved`
    t.after(() => rmSync(saved, { recursive: true, force: true }))
    if (work === 'restore') await runUntil(undefined, 'backup', prepared.directory, saved)
    if (work === 'rebuild') {
      const index = join(prepared.directory, 'index.mdb')
      writeFileSync(index, Buffer.alloc(statSync(index).size, 0x55))
    }
    const random = randomFrom(work.length)
    let lastsMs = 0
    for (let round = 0; round <= kills; round++) {
      const copy = `${prepared.directory}-${round}`
      t.after(() => rmSync(copy, { recursive: true, force: true }))
      const other = work === 'restore' ? saved : `${copy}-backup`
      t.after(() => rmSync(`${copy}-backup`, { recursive: true, force: true }))
      if (work !== 'restore') cpSync(prepared.directory, copy, { recursive: true })
      const killAfterMs = round === 0 ? undefined : random() * lastsMs
      const tookMs = await runUntil(killAfterMs, work, copy, other)
      if (round === 0) lastsMs = tookMs
      const what = `${work}, killed after ${killAfterMs?.toFixed(0)} of ${lastsMs.toFixed(0)} ms`
      if (work === 'restore' && !existsSync(join(copy, 'index.mdb'))) await restoreStore(saved, copy)
      if (work === 'rebuild') {
        const report = await rebuildStore(copy, 6)
        assert.deepEqual([report.lost, report.unknown, report.redelivered], [[], [], 0], what)
      }
      await verify(copy, prepared, what)
      if (work === 'backup' && existsSync(join(other, 'backup.json'))) {
        await restoreStore(other, `${copy}-restored`)
        await verify(`${copy}-restored`, prepared, what)
        rmSync(`${copy}-restored`, { recursive: true })
      }
    }
  })
}
