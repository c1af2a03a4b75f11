import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { StoreError } from '../contract.ts'
import { rebuildStore } from '../index.ts'
import { copyReadable } from '../maintenance/backup.ts'
import { rebuildStoreWith } from '../maintenance/rebuild.ts'
import { openStoreWith } from '../open-store.ts'
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from '../testkit/samples.ts'
import { type FileLayer, realFileLayer } from './file-layer.ts'
import { readWhatThereIs } from './readable-octets.ts'

const blockBytes = 4096

interface BadBlock {
  readonly path: string
  readonly block: number
}

/** A disk that does not give one block back. */
const withBadBlock = ({ path, block }: BadBlock): FileLayer => {
  const files = new Set<number>()
  const opened = (name: string, file: number): number => {
    if (name === path) files.add(file)
    else files.delete(file)
    return file
  }
  const refuse = (file: number, lengthBytes: number, position: number): void => {
    const isIn = position < (block + 1) * blockBytes && position + lengthBytes > block * blockBytes
    if (files.has(file) && isIn) throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })
  }
  return {
    ...realFileLayer,
    openRead: (name) => opened(name, realFileLayer.openRead(name)),
    openReadWrite: (name) => opened(name, realFileLayer.openReadWrite(name)),
    read: (file, target, position) =>
      readWhatThereIs(
        async (piece, at) => {
          refuse(file, piece.length, at)
          return realFileLayer.readSync(file, piece, at)
        },
        target,
        position,
      ),
    readSync(file, target, position) {
      refuse(file, target.length, position)
      return realFileLayer.readSync(file, target, position)
    },
  }
}

const count = 40
const make = async (t: TestContext) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-unreadable-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const store = await openStoreWith({}, { directory })
  const { id } = await mailboxOf(store, await makeAccount(store))
  for (let number = 1; number <= count; number++) await append(store, id, sampleMessage(number, 1_500))
  await store.close()
  const [name = ''] = readdirSync(join(directory, 'segments'))
  return { directory, id, bad: { path: join(directory, 'segments', name), block: 5 } }
}

test('a bad sector in a segment: messages beside it are read, one by one and together; a rebuild gives up those in it', async (t) => {
  const { directory, id, bad } = await make(t)
  const files = withBadBlock(bad)
  const store = await openStoreWith({ files }, { directory })
  const { uids } = await store.messages.view(id)
  const refused: number[] = []
  for (const uid of uids)
    await store.messages.read(id, uid as never).then(
      (bytes) => assert.ok(sampleMessage(uid, 1_500).equals(bytes as Uint8Array), `UID ${uid}`),
      (error: StoreError) => {
        assert.equal(error.kind, 'corrupt')
        refused.push(uid)
      },
    )
  assert.ok(refused.length >= 1 && refused.length <= 5, `${refused}`)
  const together: number[] = []
  const reading = async (): Promise<void> => {
    for await (const batch of store.messages.fetch(id, uids, { bytes: 'all' }))
      for (const [row, uid] of batch.uids.entries()) {
        assert.ok(sampleMessage(uid, 1_500).equals(batch.bytes?.[row] as Uint8Array), `UID ${uid}`)
        together.push(uid)
      }
  }
  await assert.rejects(reading(), { kind: 'corrupt' })
  assert.equal(together.length, count - refused.length)
  assert.equal((await store.check()).problems.length, refused.length)
  await store.close()
  const { lost } = await rebuildStoreWith(files, directory, 5)
  assert.equal(lost.length, refused.length)
  const rebuilt = await openStoreWith({ files }, { directory })
  assert.equal((await readAll(rebuilt, id)).size, count - refused.length)
  assert.deepEqual((await rebuilt.check()).problems, [])
  await rebuilt.close()
})

test('a copy of what can be read of a segment', async (t) => {
  const { directory, bad } = await make(t)
  const copy = join(directory, 'copy')
  await copyReadable(withBadBlock(bad), bad.path, copy)
  const expected = readFileSync(bad.path)
  expected.fill(0, bad.block * blockBytes, (bad.block + 1) * blockBytes)
  assert.ok(readFileSync(copy).equals(expected))
})

test('a bad sector in the index: the start says so and what to do, and a rebuild loses nothing', async (t) => {
  const { directory, id } = await make(t)
  const files = withBadBlock({ path: join(directory, 'index.mdb'), block: 1 })
  await assert.rejects(openStoreWith({ files }, { directory }), {
    kind: 'corrupt',
    message: /the disk cannot read its index: make it anew \(posthorn store rebuild\)/,
  })
  assert.deepEqual((await rebuildStore(directory, 5)).lost, [])
  const store = await openStoreWith({}, { directory })
  assert.equal((await readAll(store, id)).size, count)
  await store.close()
})
