import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../index.ts'
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from '../testkit/samples.ts'

const logsIn = (directory: string): { name: string; sizeBytes: number }[] =>
  readdirSync(join(directory, 'log'))
    .filter((name) => name.endsWith('.log'))
    .map((name) => ({ name, sizeBytes: statSync(join(directory, 'log', name)).size }))

/** As after kill -9: nothing is closed. */
const leave = (directory: string, target: string): void =>
  cpSync(directory, target, {
    recursive: true,
    filter: (path) => !/^volatile-|-lock$/.test(basename(path)) && !dirname(path).endsWith('/processes'),
  })

test('a log is short at first, grows with what is written, and is never missing', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-log-'))
  const store = await openStore({ directory })
  const account = await makeAccount(store)
  const { id } = await mailboxOf(store, account)
  const [first] = logsIn(directory)
  assert.ok(first && first.sizeBytes <= 1024 * 1024)
  const expected = new Map<number, Buffer>()
  for (let round = 0; round < 6; round++) {
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const bytes = sampleMessage(round * 40 + index, 4_500)
        expected.set((await append(store, id, bytes)).uid, bytes)
      }),
    )
    const left = `${directory}-left-${round}`
    leave(directory, left)
    const again = await openStore({ directory: left })
    const found = await readAll(again, id)
    assert.equal(found.size, expected.size)
    for (const [uid, bytes] of expected) assert.ok(found.get(uid)?.equals(bytes), `UID ${uid}`)
    assert.deepEqual((await again.check()).problems, [])
    await again.close()
    rmSync(left, { recursive: true })
  }
  const [grown, ...others] = logsIn(directory)
  assert.ok(grown && grown.name !== first.name && grown.sizeBytes > first.sizeBytes)
  assert.deepEqual(others, [])
  await store.close()
  assert.deepEqual(logsIn(directory), [grown])
  assert.deepEqual(
    readdirSync(join(directory, 'log')).filter((name) => name.endsWith('.flushed')),
    [],
    'after an orderly end nothing is to be said',
  )
  rmSync(directory, { recursive: true })
})
