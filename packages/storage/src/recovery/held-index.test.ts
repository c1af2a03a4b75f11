import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { LogEvent } from '@posthorn/mail'
import { closeEnvironment, openEnvironment } from '../kv/environment.ts'
import { openStore } from '../open-store.ts'
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from '../testkit/samples.ts'

const temporary = (t: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-held-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}

const url = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href)

/** Writes until it holds the index, and then does nothing else before a file says so (or a minute is over). */
const holderSource = `
import { existsSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { openStore } from ${url('../open-store.ts')}
import { append, mailboxOf, sampleMessage } from ${url('../testkit/samples.ts')}
const [, directory, go] = process.argv
const store = await openStore({ directory })
const [account] = await store.accounts.list()
const { id } = await mailboxOf(store, account)
const markers = join(directory, 'processes')
const isHolding = () => readdirSync(markers).some((name) => readFileSync(join(markers, name), 'latin1').endsWith('\\n'))
let written = 0
do await append(store, id, sampleMessage(++written)); while (!isHolding())
writeSync(1, String(written))
const cell = new Int32Array(new SharedArrayBuffer(4))
for (let count = 0; count < 12_000 && !existsSync(go); count++) Atomics.wait(cell, 0, 0, 5)
await store.close()
`

test('who opens the store while another process holds the index and is busy waits, and goes on meanwhile', async (t) => {
  const directory = temporary(t)
  const first = await openStore({ directory })
  await makeAccount(first)
  await first.close()
  const go = join(directory, 'go')
  const holder = spawn(process.execPath, ['--input-type=module', '-e', holderSource, directory, go], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => holder.kill('SIGKILL'))
  const written = Number(await new Promise((resolve) => holder.stdout.once('data', resolve)))
  const events: string[] = []
  const opening = openStore({ directory }).then((store) => {
    events.push('opened')
    return store
  })
  // Were its event loop standing still, nobody would write the file.
  for (let count = 0; count < 50; count++) await new Promise((resolve) => setTimeout(resolve, 5))
  events.push('may go on')
  writeFileSync(go, '')
  const store = await opening
  assert.deepEqual(events, ['may go on', 'opened'])
  const account = (await store.accounts.list())[0]
  assert.ok(account)
  const { id } = await mailboxOf(store, account)
  assert.equal((await append(store, id, sampleMessage(3))).uid, written + 1)
  await store.close()
})

const openerSource = `
import { openStoreWith } from ${url('../open-store.ts')}
await openStoreWith({ holderTimeoutMs: 200 }, { directory: process.argv[1] }).then(
  (store) => store.close().then(() => console.log('opened')),
  (error) => console.log(error.kind, error.message),
)
`

test('a process that waits for its child, which opens the store, is told so instead of waiting for ever', async (t) => {
  const directory = temporary(t)
  const store = await openStore({ directory })
  const account = await makeAccount(store)
  const { id } = await mailboxOf(store, account)
  await append(store, id, sampleMessage(1))
  const child = (): string =>
    spawnSync(process.execPath, ['--input-type=module', '-e', openerSource, directory], {
      timeout: 60_000,
      encoding: 'utf8',
    }).stdout
  // A moment after the last write nothing is held; within it, it is.
  assert.match(child(), new RegExp(`^(opened|in-use .*process ${process.pid} has it and does not go on)\n$`))
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(child(), 'opened\n')
  await append(store, id, sampleMessage(2))
  assert.equal((await readAll(store, id)).size, 2)
  await store.close()
})

type Native = { commitTxn(): void; abortTxn(): void }

/** The next commit of a write transaction of this index fails, as on a full disk. */
const failNextCommit = async (index: string): Promise<{ failed: number }> => {
  // The same environment as the store's.
  const environment = openEnvironment(index, 'logged')
  const { env } = environment as unknown as { env: Native }
  const counts = { failed: 0 }
  const commitTxn = (): void => {
    delete (env as Partial<Native>).commitTxn
    counts.failed++
    env.abortTxn()
    throw Object.assign(new Error('MDB_MAP_FULL: injected'), { code: -30792 })
  }
  Object.defineProperty(env, 'commitTxn', { value: commitTxn, configurable: true })
  await closeEnvironment(environment)
  return counts
}

test('a held transaction that cannot be committed is done again from the log: nothing acknowledged is lost', async (t) => {
  const directory = temporary(t)
  const said: LogEvent[] = []
  const store = await openStore({ directory, log: (event) => said.push(event) })
  const account = await makeAccount(store)
  const { id } = await mailboxOf(store, account)
  await append(store, id, sampleMessage(1))
  await store.flushJournal()
  for (const numbers of [[2], [3, 4, 5], [6]]) {
    const counts = await failNextCommit(join(directory, 'index.mdb'))
    for (const number of numbers) await append(store, id, sampleMessage(number))
    while (counts.failed === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    const next = Math.max(...numbers) + 1
    assert.equal((await append(store, id, sampleMessage(20 + next))).uid > next - 1, true)
  }
  const found = await readAll(store, id)
  const bodies = [1, 2, 3, 4, 5, 6].map((number) => sampleMessage(number).toString('latin1'))
  const present = [...found.values()].map((bytes) => bytes.toString('latin1'))
  for (const body of bodies) assert.equal(present.filter((each) => each === body).length, 1)
  assert.equal(present.length, 9)
  assert.deepEqual((await store.check()).problems, [])
  assert.equal(said.filter(({ text }) => /injected/.test(text)).length, 3, 'it is told')
  await store.close()
  const again = await openStore({ directory })
  assert.equal((await readAll(again, id)).size, 9)
  await again.close()
})

test('an opening that writes nothing leaves no journal', async (t) => {
  const directory = temporary(t)
  const journals = (): number => readdirSync(join(directory, 'journal')).length
  const first = await openStore({ directory })
  await makeAccount(first)
  await first.close()
  const before = journals()
  for (let count = 0; count < 3; count++) await (await openStore({ directory })).close()
  assert.equal(journals(), before)
  const beside = await openStore({ directory })
  for (let count = 0; count < 3; count++) await (await openStore({ directory })).close()
  assert.equal(journals(), before)
  await beside.close()
})
