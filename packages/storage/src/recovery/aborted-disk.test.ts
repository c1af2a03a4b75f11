import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../open-store.ts'
import { append, mailboxOf, readAll, sampleMessage } from '../testkit/samples.ts'

const run = (program: string, ...args: string[]): void => {
  execFileSync(program, args, { stdio: 'ignore' })
}

/** A file system of its own, in a file. */
const mountImage = (image: string, directory: string): boolean => {
  try {
    run('truncate', '-s', '96M', image)
    run('mkfs.ext4', '-q', '-F', image)
    run('mount', '-o', 'loop,errors=remount-ro', image, directory)
    return true
  } catch {
    return false
  }
}

const sizeOf = (number: number): number => (number % 10 === 0 ? 400_000 : 3_000)

const url = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href)

/**
 * Works; then ext4 is told of an error of the disk: what was not synced never comes there, and no write does. What
 * came last is acknowledged from the log while its transaction of the index is still held open: that one cannot be
 * committed any more, so it is seen again after the next opening.
 */
const workerSource = `
import { execFileSync } from 'node:child_process'
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { closeEnvironment, openEnvironment, settle } from ${url('../kv/environment.ts')}
import { openStore } from ${url('../open-store.ts')}
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from ${url('../testkit/samples.ts')}
const sizeOf = ${sizeOf.toString()}
const disk = process.argv[1]
const store = await openStore({ directory: join(disk, 'store'), log: () => {} })
const { id } = await mailboxOf(store, await makeAccount(store))
const places = []
for (let number = 1; number <= 40; number++)
  places.push((await append(store, id, sampleMessage(number, sizeOf(number)))).uid)
// The same environment as the store's: what is held is committed, and not synced.
const environment = openEnvironment(join(disk, 'store', 'index.mdb'), 'logged')
settle(environment)
await closeEnvironment(environment)
const held = [41, 42, 43].map((number) => append(store, id, sampleMessage(number, 3_000)))
const last = (await Promise.all(held)).map(({ uid }) => uid)
writeSync(1, JSON.stringify({ places, last }) + '\\n')
execFileSync('mount', ['-o', 'remount,abort', disk], { stdio: 'ignore' })
// Timers of the store that write find it out by themselves.
await new Promise((resolve) => setTimeout(resolve, 100))
let refused = 0
for (let number = 1; number <= 3; number++)
  await append(store, id, sampleMessage(100 + number, 3_000)).catch(() => refused++)
const present = await readAll(store, id)
const read = places.filter((uid, at) => present.get(uid)?.equals(sampleMessage(at + 1, sizeOf(at + 1)))).length
await store.close().catch(() => {})
writeSync(1, JSON.stringify({ refused, read }) + '\\n')
`

interface Acknowledged {
  readonly places: readonly number[]
  readonly last: readonly number[]
}

interface Afterwards {
  readonly refused: number
  /** Of `places`. */
  readonly read: number
}

/**
 * When the kernel tries to write pages of the index to the aborted ext4 (by its own timer, or somebody's sync), it
 * fails and takes them out of memory: LMDB's map shows zeros then, and the process dies of it. Rare within this second.
 */
const pagesTakenBack: readonly unknown[] = ['SIGSEGV', 'SIGBUS', 'SIGABRT']

test('the file system becomes read-only under the store: refused, still read, and nothing acknowledged is lost', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-aborted-'))
  const image = join(folder, 'image')
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  if (!mountImage(image, disk)) return t.skip('loop mounts are not permitted here')
  const worker = spawn(process.execPath, ['--input-type=module', '-e', workerSource, disk], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  worker.stdout.on('data', (chunk) => {
    said += chunk
  })
  const [code, signal] = await once(worker, 'close')
  run('umount', '-l', disk)
  const [first = '', second = ''] = said.split('\n')
  const { places, last } = JSON.parse(first) as Acknowledged
  assert.deepEqual([places.length, last.length], [40, 3])
  if (!pagesTakenBack.includes(signal)) {
    assert.deepEqual([code, signal], [0, null])
    assert.deepEqual(JSON.parse(second) as Afterwards, { refused: 3, read: 40 })
  }
  // The process has ended, so nothing of the image is open any more.
  run('mount', '-o', 'loop', image, disk)
  try {
    const again = await openStore({ directory: join(disk, 'store'), log: () => {} })
    const [account] = await again.accounts.list()
    assert.ok(account)
    const { id } = await mailboxOf(again, account)
    const found = await readAll(again, id)
    const all = [...places, ...last]
    assert.equal(found.size, all.length, 'and none that was refused')
    all.forEach((uid, at) => {
      assert.ok(found.get(uid)?.equals(sampleMessage(at + 1, sizeOf(at + 1))), `UID ${uid} is lost`)
    })
    assert.deepEqual((await again.check()).problems, [])
    await append(again, id, sampleMessage(1))
    await again.close()
  } finally {
    run('umount', '-l', disk)
  }
})
