import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Account, Maintenance, Store } from '../contract.ts'
import { openStore, rebuildStore } from '../index.ts'
import { append, mailboxOf, makeAccount, sampleMessage } from '../testkit/samples.ts'

const count = 60
const sizeOf = (number: number): number => 300 + ((number * 791) % 4_000)

/** A store with messages in two mailboxes, some of them flagged, moved and removed. */
const make = async (t: TestContext): Promise<string> => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-damage-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const store = await openStore({ directory, now: () => 1_700_000_000_000 })
  const account = await makeAccount(store)
  const inbox = await mailboxOf(store, account)
  const trash = await mailboxOf(store, account, 'Trash')
  for (let number = 1; number <= count; number++)
    await append(store, inbox.id, sampleMessage(number, sizeOf(number)))
  await store.messages.move(inbox.id, Uint32Array.from([3, 4, 5, 6]), trash.id)
  await store.messages.discard(inbox.id, Uint32Array.from([8, 9]))
  await store.close()
  return directory
}

const randomFrom = (seed: number) => {
  let state = seed
  return (limit: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

const flip = (path: string, place: number, bit: number): void => {
  const file = openSync(path, 'r+')
  const octet = Buffer.alloc(1)
  readSync(file, octet, 0, 1, place)
  octet[0] = (octet[0] as number) ^ (1 << bit)
  writeSync(file, octet, 0, 1, place)
  closeSync(file)
}

type Whole = Store & Maintenance

/** Every message that is served is one of ours, whole. Returns how many are; others fail with 'corrupt'. */
const readWhatThereIs = async (
  store: Whole,
  account: Account,
): Promise<{ right: number; refused: number }> => {
  const found = { right: 0, refused: 0 }
  for (const name of ['INBOX', 'Trash']) {
    const mailbox = await mailboxOf(store, account, name)
    for (const uid of (await store.messages.view(mailbox.id)).uids) {
      const bytes = await store.messages.read(mailbox.id, uid as never).catch((error) => {
        assert.equal(error.kind, 'corrupt')
        return undefined
      })
      if (bytes === undefined) found.refused++
      else {
        const number = Number(/Subject: message (\d+)/.exec(Buffer.from(bytes).toString('latin1'))?.[1])
        assert.ok(sampleMessage(number, sizeOf(number)).equals(bytes), `${name} ${uid} is served wrong`)
        found.right++
      }
    }
  }
  return found
}

test('a bit flips in a segment: what is served is right, what is damaged is refused, and found by check', async (t) => {
  const directory = await make(t)
  const [segment = ''] = readdirSync(join(directory, 'segments'))
  const path = join(directory, 'segments', segment)
  const random = randomFrom(7)
  let damaged = 0
  for (let round = 0; round < 40; round++) {
    const place = random(statSync(path).size)
    const bit = random(8)
    flip(path, place, bit)
    const store = await openStore({ directory })
    const account = (await store.accounts.list())[0] as Account
    const { right, refused } = await readWhatThereIs(store, account)
    const { problems } = await store.check()
    // What lies behind the octets of a message (facts, summary) is seen by the check alone.
    assert.ok(refused <= 1 && right + refused === count - 2, `${right} right, ${refused} refused`)
    if (refused > 0) assert.ok(problems.length > 0, `octet ${place}`)
    if (problems.length > 0) damaged++
    await store.close()
    flip(path, place, bit)
  }
  // The others fell on messages that were removed.
  assert.ok(damaged >= 30, `${damaged} of 40`)
})

const readerSource = `
import { openStore } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)}
import { writeSync } from 'node:fs'
const store = await openStore({ directory: process.argv[1] })
const [account] = await store.accounts.list()
for (const name of ['INBOX', 'Trash']) {
  const mailbox = await store.mailboxes.find(account.id, name)
  for (const uid of (await store.messages.view(mailbox.id)).uids) {
    const bytes = await store.messages.read(mailbox.id, uid).catch(() => undefined)
    if (bytes === undefined) continue
    writeSync(1, JSON.stringify([name, uid, Buffer.from(bytes).toString('latin1')]) + '\\n')
  }
}
`

type Served = readonly [mailbox: string, uid: number, octets: string]

/** What a process reads from the store, until it fails: LMDB may even crash on a damaged page. */
const readInChild = async (directory: string): Promise<Served[]> => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', readerSource, directory], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  let text = ''
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (chunk: string) => {
    text += chunk
  })
  await new Promise((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Served)
}

/** Messages have the UIDs of their numbers, and those that were moved follow one another. */
const expected = (mailbox: string, uid: number): string => {
  const number = mailbox === 'INBOX' ? uid : uid + 2
  return sampleMessage(number, sizeOf(number)).toString('latin1')
}

const rebuildWhole = async (directory: string): Promise<void> => {
  await rebuildStore(directory, 5)
  const store = await openStore({ directory })
  const account = (await store.accounts.list())[0] as Account
  assert.deepEqual((await store.check()).problems, [])
  assert.deepEqual(await readWhatThereIs(store, account), { right: count - 2, refused: 0 })
  await store.close()
}

test("bits flip in the index: no octets are served but the message's own, and a rebuild brings all of it back", async (t) => {
  const directory = await make(t)
  // Rows of an index that is made at once lie in the same places each time: the same bits flip.
  await rebuildWhole(directory)
  const random = randomFrom(11)
  for (let round = 0; round < 8; round++) {
    const copy = `${directory}-${round}`
    cpSync(directory, copy, { recursive: true })
    t.after(() => rmSync(copy, { recursive: true, force: true }))
    const index = join(copy, 'index.mdb')
    const flips = Array.from({ length: 1 + 6 * round }, () => ({
      place: random(statSync(index).size),
      bit: random(8),
    }))
    for (const { place, bit } of flips) flip(index, place, bit)
    for (const [mailbox, uid, octets] of await readInChild(copy))
      assert.equal(octets, expected(mailbox, uid), `${mailbox} ${uid} after ${JSON.stringify(flips)}`)
    // The child may have been killed: its marker, and what it left, are nobody's.
    await rebuildWhole(copy)
    rmSync(copy, { recursive: true })
  }
})
