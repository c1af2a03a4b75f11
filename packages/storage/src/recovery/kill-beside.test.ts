import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
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

/** Appends until the third record is in the log, and ends before that is committed. */
const suicideSource = `
import { openStoreWith } from ${JSON.stringify(new URL('../open-store.ts', import.meta.url).href)}
import { realFileLayer } from ${JSON.stringify(new URL('../segments/file-layer.ts', import.meta.url).href)}
import { append, mailboxOf, sampleMessage } from ${JSON.stringify(new URL('../testkit/samples.ts', import.meta.url).href)}
let log = -1
let records = -1
const openReadWrite = (path) => {
  const file = realFileLayer.openReadWrite(path)
  if (path.endsWith('.log')) log = file
  return file
}
const writeSync = (file, chunks, position) => {
  realFileLayer.writeSync(file, chunks, position)
  if (file === log && records >= 0 && ++records === 3) process.kill(process.pid, 'SIGKILL')
}
const files = { ...realFileLayer, openReadWrite, writeSync }
const store = await openStoreWith({ files }, { directory: process.argv[1] })
const [account] = await store.accounts.list()
const { id } = await mailboxOf(store, account)
await append(store, id, sampleMessage(1))
records = 0
for (let number = 2; ; number++) await append(store, id, sampleMessage(number))
`

test('what a killed process had logged and not yet committed is done again by who goes on', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-logged-'))
  const store = await openStore({ directory })
  const account = await makeAccount(store)
  const { id } = await mailboxOf(store, account)
  const child = spawn(process.execPath, ['--input-type=module', '-e', suicideSource, directory], {
    stdio: 'inherit',
  })
  const [, signal] = await once(child, 'close')
  assert.equal(signal, 'SIGKILL')
  const before = (await store.messages.view(id)).uids.length
  assert.ok(before >= 2 && before <= 4)
  const { uid } = await append(store, id, sampleMessage(50))
  assert.equal(uid, before + 2, 'one more than was committed, and this one')
  const found = await readAll(store, id)
  for (let number = 1; number <= before + 1; number++)
    assert.ok(found.get(number)?.equals(sampleMessage(number)), `UID ${number}`)
  assert.deepEqual((await store.check()).problems, [])
  await store.close()
  rmSync(directory, { recursive: true })
})
