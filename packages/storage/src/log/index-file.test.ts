import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { StoreError } from '../contract.ts'
import { openStore, rebuildStore } from '../index.ts'
import { realFileLayer } from '../segments/file-layer.ts'
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from '../testkit/samples.ts'
import { refuseBrokenIndex } from './index-file.ts'

const damages: Readonly<Record<string, (index: string) => void>> = {
  'is gone': (index) => rmSync(index),
  'is empty': (index) => truncateSync(index, 0),
  'is cut after its first page': (index) => truncateSync(index, 4_096),
  'is cut in the middle': (index) => truncateSync(index, 20_000),
  'holds something else': (index) => writeFileSync(index, randomBytes(100_000)),
  'holds zeros': (index) => writeFileSync(index, Buffer.alloc(100_000)),
}

for (const [what, damage] of Object.entries(damages)) {
  test(`an index that ${what} is refused, nothing is made beside the mail, and a rebuild brings all back`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'posthorn-index-file-'))
    t.after(() => rmSync(directory, { recursive: true }))
    const store = await openStore({ directory })
    const { id } = await mailboxOf(store, await makeAccount(store))
    for (let number = 1; number <= 40; number++) await append(store, id, sampleMessage(number))
    await store.close()
    const index = join(directory, 'index.mdb')
    damage(index)
    const before = what === 'is gone' ? undefined : readFileSync(index)
    for (let times = 0; times < 2; times++)
      await assert.rejects(openStore({ directory }), { kind: 'corrupt', message: /posthorn store rebuild/ })
    if (before !== undefined) assert.ok(readFileSync(index).equals(before), 'left as it was')
    assert.deepEqual((await rebuildStore(directory, 5)).lost, [])
    const again = await openStore({ directory })
    assert.equal((await readAll(again, id)).size, 40)
    assert.deepEqual((await again.check()).problems, [])
    await again.close()
  })
}

test('an index that is cut anywhere is refused at once when a page in use is gone', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-index-file-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const store = await openStore({ directory })
  const { id } = await mailboxOf(store, await makeAccount(store))
  for (let number = 1; number <= 200; number++) await append(store, id, sampleMessage(number))
  await store.close()
  const index = join(directory, 'index.mdb')
  const whole = readFileSync(index)
  let gone = 0
  for (let sizeBytes = whole.length - 4_096; sizeBytes > 0; sizeBytes -= 4_096) {
    truncateSync(index, sizeBytes)
    const isGone = isRefused(directory, index, 'pages')
    assert.equal(isRefused(directory, index, 'head'), isGone, `${sizeBytes} of ${whole.length} octets`)
    if (isGone) gone++
  }
  assert.ok(gone > 10, `${gone} cuts`)
})

const isRefused = (directory: string, index: string, depth: 'head' | 'pages'): boolean => {
  try {
    refuseBrokenIndex(realFileLayer, directory, index, depth)
    return false
  } catch (error) {
    assert.equal((error as StoreError).kind, 'corrupt')
    return true
  }
}
