import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { MailboxId, SearchCriteria, Store } from '../contract.ts'
import { openStore } from '../open-store.ts'
import { searchMailbox } from '../search/index.ts'
import { append, mailboxOf, makeAccount } from '../testkit/samples.ts'

/** Makes texts, of messages that it appends and expunges all the while. */
const makerSource = `
import { openStore } from ${JSON.stringify(new URL('../open-store.ts', import.meta.url).href)}
import { append, mailboxOf } from ${JSON.stringify(new URL('../testkit/samples.ts', import.meta.url).href)}
const store = await openStore({ directory: process.argv[1] })
const [account] = await store.accounts.list()
const inbox = await mailboxOf(store, account)
let over = false
process.stdin.on('end', () => { over = true }).resume()
for (let round = 0; !over; round++) {
  for (let n = 0; n < 8; n++) {
    await append(store, inbox.id, Buffer.from('Subject: round' + round + '\\r\\n\\r\\nJürgen ' + n + ' ' + 'x'.repeat(3000)))
  }
  await store.makeTexts()
  const { uids } = await store.messages.view(inbox.id)
  if (uids.length > 60) await store.messages.discard(inbox.id, uids.slice(0, 50))
  if (round === 2) console.log('ready')
}
await store.close()
`

const startMaker = (t: TestContext, directory: string): ChildProcess => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', makerSource, directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  return child
}

const ready = (child: ChildProcess): Promise<unknown> =>
  new Promise((resolve) => child.stdout?.once('data', resolve))

const ended = (child: ChildProcess): Promise<unknown> =>
  new Promise((resolve) => child.once('close', resolve))

const criteria: readonly SearchCriteria[] = [
  { kind: 'text', value: 'ROUND' },
  { kind: 'body', value: 'JÜRGEN 3' },
  { kind: 'header', name: 'subject', value: 'round' },
]

/** Of messages that stay, what texts say and what messages say is the same. */
const assertSame = async (store: Store, inbox: MailboxId): Promise<void> => {
  for (const each of criteria) {
    const kept = (await store.messages.search(inbox, each)).uids
    const { uids, mailbox } = await store.messages.view(inbox)
    const direct = await searchMailbox(
      {
        uids,
        keywords: mailbox.keywords,
        fetch: (wanted, want) => store.messages.fetch(inbox, wanted, want),
      },
      each,
    )
    const there = new Set((await store.messages.view(inbox)).uids)
    const known = new Set(uids)
    const both = (found: Uint32Array): number[] =>
      [...found].filter((uid) => there.has(uid) && known.has(uid))
    const before = new Set(kept)
    const newest = Math.max(0, ...kept)
    assert.deepEqual(
      both(direct.uids).filter((uid) => uid <= newest),
      both(kept),
      JSON.stringify(each),
    )
    assert.ok(before.size > 0)
  }
}

test('texts: one process makes them, another reads them, while messages come and go', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'texts-two-'))
  const store = await openStore({ directory })
  const { id: inbox } = await mailboxOf(store, await makeAccount(store))
  const maker = startMaker(t, directory)
  await ready(maker)
  for (let round = 0; round < 20; round++) await assertSame(store, inbox)
  maker.stdin?.end()
  await ended(maker)
  await store.makeTexts()
  await assertSame(store, inbox)
  await store.close()
  rmSync(directory, { recursive: true })
})

test('texts: kill -9 while they are made, and everything is found', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'texts-kill-'))
  const first = await openStore({ directory })
  const { id: inbox } = await mailboxOf(first, await makeAccount(first))
  await append(first, inbox, Buffer.from('Subject: round1\r\n\r\nJürgen 3'))
  await first.close()
  for (let round = 0; round < 4; round++) {
    const maker = startMaker(t, directory)
    await ready(maker)
    maker.kill('SIGKILL')
    await ended(maker)
    const store = await openStore({ directory })
    await assertSame(store, inbox)
    await store.makeTexts()
    await assertSame(store, inbox)
    assert.deepEqual((await store.check()).problems, [])
    await store.close()
  }
  rmSync(directory, { recursive: true })
})

/** Opens, has texts made, and closes at another moment of it each time; has nothing else to do. */
const closerSource = `
import { openStore } from ${JSON.stringify(new URL('../open-store.ts', import.meta.url).href)}
import { append, mailboxOf } from ${JSON.stringify(new URL('../testkit/samples.ts', import.meta.url).href)}
for (let afterMs = 0; afterMs < 80; afterMs += 8) {
  const store = await openStore({ directory: process.argv[1] })
  const [account] = await store.accounts.list()
  const inbox = await mailboxOf(store, account)
  for (let n = 0; n < 70; n++) await append(store, inbox.id, Buffer.from('Subject: s\\r\\n\\r\\n' + 'x'.repeat(3000)))
  store.makeTexts().catch(() => {})
  await new Promise((resolve) => setTimeout(resolve, afterMs))
  await store.close()
}
console.log('closed')
`

test('a process that closes the store while texts are made ends after that, not before', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-texts-close-'))
  const store = await openStore({ directory })
  await makeAccount(store)
  await store.close()
  const child = spawn(process.execPath, ['--input-type=module', '-e', closerSource, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.on('data', (chunk) => {
    said += chunk
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  assert.deepEqual([code, said], [0, 'closed\n'])
  rmSync(directory, { recursive: true })
})
