import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../index.ts'
import { CrashLedger } from '../testkit/crash-ledger.ts'
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from '../testkit/samples.ts'

test('a process is killed while another works on the store: neither loses what was acknowledged', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-beside-'))
  const ledger = new CrashLedger(directory)
  await ledger.create()
  const beside = await openStore({ directory })
  const { id } = await mailboxOf(beside, await makeAccount(beside, 'beside@example.org'))
  await beside.close()
  const mine = new Map<number, Buffer>()
  for (let round = 0; round < 4; round++) {
    // In every second round the other one was alone before, and perhaps still thinks so.
    const early = round % 2 === 0 ? await openStore({ directory }) : undefined
    let isOver = false
    const killed = ledger.runAndKill(150 + Math.random() * 300).finally(() => {
      isOver = true
    })
    if (early === undefined) await new Promise((resolve) => setTimeout(resolve, 500))
    const store = early ?? (await openStore({ directory }))
    for (let number = 0; !isOver || number < 5; number++) {
      if (number > 100) await new Promise((resolve) => setTimeout(resolve, 10))
      const bytes = sampleMessage(number)
      mine.set((await append(store, id, bytes)).uid, bytes)
    }
    await killed
    for (let number = 0; number < 3; number++)
      await append(store, id, sampleMessage(number)).then(({ uid }) => mine.set(uid, sampleMessage(number)))
    await ledger.verify(store)
    const found = await readAll(store, id)
    assert.deepEqual([...found.keys()], [...mine.keys()])
    for (const [uid, bytes] of mine) assert.ok(found.get(uid)?.equals(bytes), `UID ${uid}`)
    await store.close()
  }
  assert.ok(ledger.operations > 50, `${ledger.operations} operations`)
  rmSync(directory, { recursive: true })
})
