import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Uid } from '../contract.ts'
import { openStore } from '../index.ts'
import { append, mailboxOf, makeAccount, sampleMessage } from '../testkit/samples.ts'

test('pieces of a long message: none is served of one that is damaged anywhere, nor after compaction moved it', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-pieces-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const sizes = [400_000, 900_000, 3_000_000]
  let store = await openStore({ directory })
  const account = await makeAccount(store)
  const { id } = await mailboxOf(store, account)
  for (const [index, size] of sizes.entries()) await append(store, id, sampleMessage(index, size))
  const pieces = async (uid: number): Promise<Buffer[]> => {
    const found: Buffer[] = []
    const size = sampleMessage(uid - 1, sizes[uid - 1]).length
    for (let from = 0; from < size; from += 100_000)
      found.push(Buffer.from((await store.messages.read(id, uid as Uid, from, from + 100_000)) as Uint8Array))
    return found
  }
  for (const [index, size] of sizes.entries())
    assert.ok(Buffer.concat(await pieces(index + 1)).equals(sampleMessage(index, size)))
  await store.close()
  // One octet, far from the pieces that are asked for.
  for (const name of readdirSync(join(directory, 'segments'))) {
    const path = join(directory, 'segments', name)
    const file = openSync(path, 'r+')
    writeSync(
      file,
      Buffer.from([0]),
      0,
      1,
      statSync(path).size < 1_400_000 ? 200_000 : statSync(path).size - 20_000,
    )
    closeSync(file)
  }
  store = await openStore({ directory })
  const damaged = [1, 3]
  for (const uid of [1, 2, 3]) {
    const read = store.messages.read(id, uid as Uid, 350_000, 350_100)
    if (damaged.includes(uid)) await assert.rejects(read, { kind: 'corrupt' }, `UID ${uid}`)
    else
      assert.ok(
        sampleMessage(uid - 1, sizes[uid - 1])
          .subarray(350_000, 350_100)
          .equals((await read) as Uint8Array),
      )
  }
  await store.close()
})
