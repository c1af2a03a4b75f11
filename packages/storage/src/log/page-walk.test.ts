import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openStore, rebuildStore } from '../index.ts'
import { closeEnvironment, openEnvironment, transact } from '../kv/environment.ts'
import { realFileLayer } from '../segments/file-layer.ts'
import { randomFrom } from '../testkit/faulty-file-layer.ts'
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from '../testkit/samples.ts'
import { findBrokenPage } from './page-walk.ts'

const temporary = (t: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-pages-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const broken = (path: string): string | undefined => {
  const file = openSync(path, 'r')
  try {
    return findBrokenPage(realFileLayer, file, 4096)
  } finally {
    closeSync(file)
  }
}

test('an index that LMDB wrote is whole, whatever was written, removed and given free', async (t) => {
  const path = join(temporary(t), 'index')
  const random = randomFrom(3)
  for (let round = 0; round < 12; round++) {
    const environment = openEnvironment(path, 'synced')
    for (let times = 0; times < 40; times++) {
      transact(environment, () => {
        for (let count = 0; count < 60; count++) {
          const key = Buffer.alloc(3 + Math.floor(random() * 200), 1)
          key.writeUInt16BE(Math.floor(random() * 4_000), 1)
          // Some are long enough to have pages of their own.
          if (random() < 0.3) environment.removeSync(key)
          else environment.putSync(key, Buffer.alloc(Math.floor(random() ** 4 * 9_000), 2))
        }
      })
    }
    await closeEnvironment(environment)
    assert.equal(broken(path), undefined, `round ${round}`)
  }
})

const prepare = async (t: TestContext): Promise<string> => {
  const directory = temporary(t)
  const store = await openStore({ directory })
  const { id } = await mailboxOf(store, await makeAccount(store))
  for (let number = 1; number <= 300; number++) await append(store, id, sampleMessage(number, 300))
  await store.close()
  return directory
}

const readerSource = `
import { openStore } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)}
const store = await openStore({ directory: process.argv[1], log: () => {} })
const [account] = await store.accounts.list()
const { id } = await store.mailboxes.find(account.id, 'INBOX')
const { uids } = await store.messages.view(id)
for await (const batch of store.messages.fetch(id, uids, { bytes: 'all' })) {}
await store.messages.discard(id, uids.subarray(0, 50))
await store.check()
process.exit(0)
`

test('pages are damaged: a process may end of it once, the next opening says what is wrong and what to do', async (t) => {
  const directory = await prepare(t)
  const random = randomFrom(5)
  for (let round = 0; round < 4; round++) {
    const copy = `${directory}-${round}`
    t.after(() => rmSync(copy, { recursive: true, force: true }))
    cpSync(directory, copy, { recursive: true })
    const index = join(copy, 'index.mdb')
    const file = openSync(index, 'r+')
    // Heads of pages, where LMDB looks first; behind them rows, which have checksums.
    for (let count = 0; count < 12; count++) {
      const page = 2 + Math.floor(random() * (statSync(index).size / 4096 - 260))
      const at = page * 4096 + Math.floor(random() * 60)
      const octet = Buffer.alloc(1)
      readSync(file, octet, 0, 1, at)
      writeSync(file, Buffer.from([(octet[0] as number) ^ (1 << Math.floor(random() * 8))]), 0, 1, at)
    }
    closeSync(file)
    const { signal, status } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', readerSource, copy],
      {
        stdio: 'ignore',
        timeout: 30_000,
      },
    )
    if (signal === null && status === 0) continue
    // As a process leaves it that was ended by LMDB.
    const dead = { pid: 999_999_999, startTicks: 1, boot: 'none', token: 77 }
    writeFileSync(join(copy, 'processes', '77.json'), `${JSON.stringify(dead)} `)
    const again = spawnSync(process.execPath, ['--input-type=module', '-e', readerSource, copy], {
      encoding: 'utf8',
      timeout: 30_000,
    })
    assert.equal(again.signal, null, `round ${round}: it ends again`)
    if (signal !== null) assert.match(again.stderr, /its index is damaged \(.*posthorn store rebuild/s)
    assert.deepEqual((await rebuildStore(copy, 5)).lost, [])
    const store = await openStore({ directory: copy })
    const [account] = await store.accounts.list()
    assert.ok(account)
    assert.ok((await readAll(store, (await mailboxOf(store, account)).id)).size >= 250)
    assert.deepEqual((await store.check()).problems, [])
    await store.close()
  }
})

test('a bit flips in the head of a page: found where the page is in use', async (t) => {
  const index = join(await prepare(t), 'index.mdb')
  const file = openSync(index, 'r+')
  t.after(() => closeSync(file))
  const octet = Buffer.alloc(1)
  const found = new Map<number, number>()
  // Its number, who wrote it, its kind, its bounds.
  for (const place of [0, 12, 18, 20]) {
    for (let at = 2 * 4096 + place; at < statSync(index).size; at += 4096) {
      readSync(file, octet, 0, 1, at)
      writeSync(file, Buffer.from([(octet[0] as number) ^ 0x04]), 0, 1, at)
      if (broken(index) !== undefined) found.set(place, (found.get(place) ?? 0) + 1)
      writeSync(file, octet, 0, 1, at)
    }
  }
  const [inUse = 0] = found.values()
  assert.ok(inUse > 20, `${inUse} pages`)
  assert.deepEqual([...found.values()], [inUse, inUse, inUse, inUse])
  assert.equal(broken(index), undefined)
})
