import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
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

/** Works; then ext4 is told of an error of the disk: what was not synced never comes there, and no write does. */
const workerSource = `
import { execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { openStore } from ${url('../open-store.ts')}
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from ${url('../testkit/samples.ts')}
const sizeOf = ${sizeOf.toString()}
const disk = process.argv[1]
const store = await openStore({ directory: join(disk, 'store'), log: () => {} })
const { id } = await mailboxOf(store, await makeAccount(store))
const places = []
for (let number = 1; number <= 40; number++)
  places.push((await append(store, id, sampleMessage(number, sizeOf(number)))).uid)
execFileSync('mount', ['-o', 'remount,abort', disk], { stdio: 'ignore' })
let refused = 0
for (let number = 1; number <= 3; number++)
  await append(store, id, sampleMessage(100 + number, 3_000)).catch(() => refused++)
const present = await readAll(store, id)
const read = places.filter((uid, at) => present.get(uid)?.equals(sampleMessage(at + 1, sizeOf(at + 1)))).length
await store.close().catch(() => {})
console.log(JSON.stringify({ places, refused, read }))
`

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
  const code = await new Promise((resolve) => worker.once('close', resolve))
  run('umount', '-l', disk)
  assert.equal(code, 0)
  const { places, refused, read } = JSON.parse(said) as { places: number[]; refused: number; read: number }
  assert.deepEqual([places.length, refused, read], [40, 3, 40])
  // The process has ended, so nothing of the image is open any more.
  run('mount', '-o', 'loop', image, disk)
  try {
    const again = await openStore({ directory: join(disk, 'store'), log: () => {} })
    const [account] = await again.accounts.list()
    assert.ok(account)
    const { id } = await mailboxOf(again, account)
    const found = await readAll(again, id)
    places.forEach((uid, at) => {
      assert.ok(found.get(uid)?.equals(sampleMessage(at + 1, sizeOf(at + 1))), `UID ${uid} is lost`)
    })
    assert.deepEqual((await again.check()).problems, [])
    await append(again, id, sampleMessage(1))
    await again.close()
  } finally {
    run('umount', '-l', disk)
  }
})
