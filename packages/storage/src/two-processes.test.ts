import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from './index.ts'
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from './testkit/samples.ts'

/** Appends and copies in another process; prints the UIDs it was given. */
const workerSource = `
import { openStore } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
import { append, mailboxOf, sampleMessage } from ${JSON.stringify(new URL('./testkit/samples.ts', import.meta.url).href)}
const store = await openStore({ directory: process.argv[1] })
const [account] = await store.accounts.list()
const inbox = await mailboxOf(store, account)
const trash = await mailboxOf(store, account, 'Trash')
await store.mailboxes.create(account.id, 'Made there')
await store.mailboxes.subscribe(account.id, 'Made there', 'subscribed')
const uids = []
const ids = []
await Promise.all(Array.from({ length: 100 }, async (_, n) => {
  uids.push((await append(store, inbox.id, sampleMessage(1000 + n))).uid)
  ids.push(store.queue.newId(0))
  await store.messages.copy(inbox.id, Uint32Array.of(uids.at(-1)), trash.id)
}))
const lock = await store.locks.acquire('one', 'worker')
console.log(JSON.stringify({ uids, ids, lock: lock !== undefined, sum: await store.counters.add('shared', 1, 0, 1e6) }))
await store.close()
`

test('two processes on one store: UIDs, ids, counters, locks and views agree', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-two-'))
  const store = await openStore({ directory })
  const account = await makeAccount(store)
  const inbox = await mailboxOf(store, account)
  const release = await store.locks.acquire('one', 'parent')
  await store.counters.add('shared', 1, 0, 1e6)
  assert.equal((await store.mailboxes.names(account.id, () => true)).get('Made there'), undefined)
  const child = spawn(process.execPath, ['--input-type=module', '-e', workerSource, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  const mine: number[] = []
  const ids = new Set<string>()
  for (let n = 0; n < 100; n++) {
    mine.push((await append(store, inbox.id, sampleMessage(n))).uid)
    ids.add(store.queue.newId(0))
  }
  assert.equal(await ended, 0)
  const other = JSON.parse(text) as { uids: number[]; ids: string[]; lock: boolean; sum: number }
  assert.equal(other.lock, false)
  assert.equal(other.sum, 2)
  assert.equal(new Set([...mine, ...other.uids]).size, 200)
  for (const id of other.ids) assert.ok(!ids.has(id))
  const made = (await store.mailboxes.names(account.id, () => true)).get('Made there')
  assert.equal(made?.subscribed, true, 'names of the other process are seen, too')
  const view = await store.messages.view(inbox.id)
  assert.equal(view.uids.length, 200, 'the other process is seen without a wake-up')
  const all = await readAll(store, inbox.id)
  mine.forEach((uid, n) => {
    assert.ok(all.get(uid)?.equals(sampleMessage(n)))
  })
  assert.equal((await mailboxOf(store, account, 'Trash')).messages, 100)
  assert.deepEqual((await store.check()).problems, [])
  await release?.()
  await store.close()
  rmSync(directory, { recursive: true })
})

test('one process may open a store twice', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-twice-'))
  const one = await openStore({ directory })
  const account = await makeAccount(one)
  const { id } = await mailboxOf(one, account)
  const busy = Promise.all(Array.from({ length: 50 }, (_, n) => append(one, id, sampleMessage(n))))
  const two = await openStore({ directory })
  await Promise.all(Array.from({ length: 50 }, (_, n) => append(two, id, sampleMessage(n))))
  await busy
  await one.close()
  assert.equal((await two.messages.view(id)).uids.length, 100)
  assert.deepEqual((await two.check()).problems, [])
  await two.close()
  rmSync(directory, { recursive: true })
})
