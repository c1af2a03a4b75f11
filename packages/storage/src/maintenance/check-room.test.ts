import assert from 'node:assert/strict'
import {
  closeSync,
  copyFileSync,
  cpSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openStore, rebuildStore } from '../index.ts'
import { openStoreWith } from '../open-store.ts'
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from '../testkit/samples.ts'

const temporary = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-room-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const parts = { logCapacityBytes: 64 * 1024 }

/** A closed store of some hundred messages, half of them removed: its index has pages in use and free ones. */
const make = async (t: TestContext): Promise<string> => {
  const directory = join(temporary(t), 'store')
  const store = await openStoreWith(parts, { directory })
  const { id } = await mailboxOf(store, await makeAccount(store))
  for (let number = 1; number <= 120; number++) await append(store, id, sampleMessage(number))
  await store.messages.discard(
    id,
    Uint32Array.from({ length: 60 }, (_, n) => n + 1),
  )
  assert.deepEqual(await store.check().then(({ problems, notes }) => [problems, notes]), [[], []])
  await store.close()
  return directory
}

const pageBytes = 4096

/** Places in LMDB's meta pages and in a leaf. */
const at = { freeRoot: 88, mainRoot: 136, lastPage: 144, transaction: 152, firstNode: 24 } as const

/** Changes the index as it lies on the disk; `meta` is where the head of the younger state is. */
const damage = (
  directory: string,
  change: (index: { read(at: number): bigint; write(at: number, value: bigint): void }, meta: number) => void,
): void => {
  const file = openSync(join(directory, 'index.mdb'), 'r+')
  const word = Buffer.alloc(8)
  const read = (place: number): bigint => {
    readSync(file, word, 0, 8, place)
    return word.readBigInt64LE(0)
  }
  const write = (place: number, value: bigint): void => {
    word.writeBigInt64LE(value)
    writeSync(file, word, 0, 8, place)
  }
  change({ read, write }, read(at.transaction) > read(pageBytes + at.transaction) ? 0 : pageBytes)
  closeSync(file)
}

test('pages of the index that are neither in use nor free: noted, and given back by a rebuild', async (t) => {
  const directory = await make(t)
  damage(directory, ({ read, write }) => {
    for (const meta of [0, pageBytes]) write(meta + at.lastPage, read(meta + at.lastPage) + 3n)
  })
  const store = await openStore({ directory })
  const { problems, notes } = await store.check()
  await store.close()
  assert.deepEqual(problems, [])
  assert.match(notes?.join() ?? '', /^3 of \d+ pages of the index .*store rebuild/)
  await rebuildStore(directory, 5)
  const after = await openStore({ directory })
  assert.deepEqual(await after.check().then((report) => [report.problems, report.notes]), [[], []])
  await after.close()
})

/** The first of the free pages becomes one that is in use. */
const listUsedAsFree = (directory: string): void =>
  damage(directory, ({ read, write }, meta) => {
    const leaf = Number(read(meta + at.freeRoot)) * pageBytes
    const node = leaf + at.firstNode + Number(read(leaf + at.firstNode) & 0xffffn)
    // Behind the node's head and its key of 8 octets: how many there are, then the pages, and 0 for none.
    let entry = node + 24
    while (read(entry) === 0n) entry += 8
    write(entry, read(meta + at.mainRoot))
  })

test('a page in use that is listed as free: found by check, refused after an end that was not orderly', async (t) => {
  const directory = await make(t)
  const copy = `${directory}-copy`
  cpSync(directory, copy, { recursive: true })
  const store = await openStore({ directory: copy })
  // What is written at an opening is in the index then.
  await store.flushJournal()
  listUsedAsFree(copy)
  const { problems } = await store.check()
  assert.match(problems.join(), /The index is damaged \(page \d+ is in use and listed as free\)/)
  await store.close()
  listUsedAsFree(directory)
  const dead = { pid: 999_999_999, startTicks: 1, boot: 'none', token: 77 }
  writeFileSync(join(directory, 'processes', '77.json'), `${JSON.stringify(dead)} `)
  await assert.rejects(openStore({ directory }), /is in use and listed as free.*posthorn store rebuild/)
  assert.deepEqual((await rebuildStore(directory, 5)).lost, [])
})

test('a segment that a crash left without a row: noted, removed by compaction; others stay', async (t) => {
  const directory = join(temporary(t), 'store')
  const segments = join(directory, 'segments')
  const store = await openStore({ directory })
  const { id } = await mailboxOf(store, await makeAccount(store))
  await append(store, id, sampleMessage(1))
  const before = new Set(readdirSync(segments))
  const { uid } = await append(store, id, sampleMessage(2, 1_200_000))
  const [long = ''] = readdirSync(segments).filter((name) => !before.has(name))
  copyFileSync(join(segments, long), join(directory, 'kept'))
  await store.messages.discard(id, Uint32Array.from([uid]))
  await store.compact()
  assert.ok(!readdirSync(segments).includes(long))
  copyFileSync(join(directory, 'kept'), join(segments, long))
  const { problems, notes } = await store.check()
  assert.deepEqual(problems, [])
  assert.match(notes?.join() ?? '', /^1 segments \(1\.\d MB\) that nothing names are left/)
  await store.compact()
  assert.ok(!readdirSync(segments).includes(long))
  assert.deepEqual(await store.check().then((report) => [report.problems, report.notes]), [[], []])
  assert.ok((await readAll(store, id)).get(1)?.equals(sampleMessage(1)))
  await store.close()
})

test('an index older than its mail is refused, with what to do; a rebuild loses nothing', async (t) => {
  const directory = await make(t)
  copyFileSync(join(directory, 'index.mdb'), join(directory, 'older'))
  for (let round = 0; round < 2; round++) {
    const store = await openStoreWith(parts, { directory })
    const [account] = await store.accounts.list()
    assert.ok(account)
    const { id } = await mailboxOf(store, account)
    for (let number = 200; number < 260; number++) await append(store, id, sampleMessage(number))
    await store.close()
  }
  const segments = readdirSync(join(directory, 'segments'))
  copyFileSync(join(directory, 'older'), join(directory, 'index.mdb'))
  await assert.rejects(openStore({ directory }), {
    kind: 'corrupt',
    message:
      /its index is older than its mail \(segments\/0{6,7}\d+\.seg is not known.*posthorn store rebuild/,
  })
  assert.deepEqual(readdirSync(join(directory, 'segments')), segments)
  assert.deepEqual((await rebuildStore(directory, 5)).lost, [])
  const store = await openStore({ directory })
  const [account] = await store.accounts.list()
  assert.ok(account)
  const found = await readAll(store, (await mailboxOf(store, account)).id)
  assert.equal(found.size, 180)
  assert.deepEqual((await store.check()).problems, [])
  await store.close()
})
