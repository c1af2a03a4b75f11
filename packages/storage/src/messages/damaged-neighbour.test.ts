import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { FetchWant } from '../contract.ts'
import { openStore } from '../open-store.ts'
import { append, mailboxOf, makeAccount } from '../testkit/samples.ts'

/** One octet of this text is changed wherever it lies in the segments. */
function damage(directory: string, text: string): void {
  let found = 0
  const folder = join(directory, 'segments')
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name)
    const octets = ((): Buffer | undefined => {
      try {
        return readFileSync(path)
      } catch {
        return undefined
      }
    })()
    const place = octets?.indexOf(text) ?? -1
    if (octets === undefined || place < 0) continue
    octets[place] = octets[place]! ^ 1
    writeFileSync(path, octets)
    found++
  }
  assert.ok(found > 0)
}

const wants: readonly FetchWant[] = [
  { bytes: 'all' },
  { bytes: 'all', memoryIsFree: () => true },
  { bytes: 'all', maxBytes: 100_000 },
]

test('a damaged message does not hide its neighbours: they are read, then it is told of', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-damaged-'))
  const former = await openStore({ directory })
  const account = await makeAccount(former)
  const { id } = await mailboxOf(former, account)
  for (let number = 1; number <= 5; number++)
    await append(former, id, Buffer.from(`Subject: ${number}\r\n\r\nThis is body ${number} of five\r\n`))
  await former.close()
  damage(directory, 'This is body 3 of five')
  const store = await openStore({ directory })
  t.after(async () => {
    await store.close()
    rmSync(directory, { recursive: true })
  })
  for (const want of wants) {
    const found: number[] = []
    const reading = async (): Promise<void> => {
      for await (const batch of store.messages.fetch(id, Uint32Array.of(1, 2, 3, 4, 5), want)) {
        for (const [row, uid] of batch.uids.entries()) {
          assert.match(
            Buffer.from(batch.bytes?.[row] ?? []).toString(),
            new RegExp(`body ${uid} of five\r\n$`),
          )
          found.push(uid)
        }
      }
    }
    await assert.rejects(reading(), { kind: 'corrupt' })
    assert.deepEqual(found, [1, 2, 4, 5])
  }
})
