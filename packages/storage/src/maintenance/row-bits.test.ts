import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Account, MailboxId, Maintenance, Store } from '../contract.ts'
import { openStore } from '../index.ts'
import { closeEnvironment, type Environment, openEnvironment, transact } from '../kv/environment.ts'
import { keyAfter, keyOfTable, type TableTag, tables } from '../kv/keys.ts'
import { Snapshot } from '../kv/unit.ts'
import { expungedSince } from '../rows/expunged-row.ts'
import {
  acceptance,
  append,
  mailboxOf,
  makeAccount,
  sampleMessage,
  stage,
  toMailbox,
} from '../testkit/samples.ts'
import { indexName } from './backup.ts'

type Whole = Store & Maintenance

interface Ground {
  readonly store: Whole
  readonly environment: Environment
  readonly accounts: readonly Account[]
  readonly inboxes: readonly MailboxId[]
}

const dotLine = Buffer.from('.\r\n')

/** Two accounts; messages without and with a prefix, some of the same octets for both, and of the same length. */
const makeGround = async (t: TestContext): Promise<Ground> => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-bits-'))
  const store = await openStore({ directory })
  const environment = openEnvironment(join(directory, indexName), 'logged')
  t.after(async () => {
    await store.close()
    await closeEnvironment(environment)
    rmSync(directory, { recursive: true })
  })
  const accounts = [await makeAccount(store), await makeAccount(store, 'bobby@example.org')]
  const inboxes: MailboxId[] = []
  for (const account of accounts) inboxes.push((await mailboxOf(store, account)).id)
  for (let number = 1; number <= 3; number++) {
    await append(store, inboxes[0] as MailboxId, sampleMessage(number, 1_000))
    const message = await stage(store, Buffer.concat([sampleMessage(number + 3, 1_000), dotLine]))
    const recipients = accounts.map((account, index) =>
      toMailbox(account, 'INBOX', `Delivered-To: ${'ab'[index]}${number}@example.org\r\n`),
    )
    await store.queue.accept(acceptance(store, message, recipients))
  }
  return { store, environment, accounts, inboxes }
}

interface Row {
  readonly key: Buffer
  readonly value: Buffer
}

const rowsOf = (environment: Environment, tag: TableTag): Row[] => {
  const start = keyOfTable(tag)
  return Array.from(new Snapshot(environment).range({ start, end: keyAfter(start) }), ({ key, value }) => ({
    key: Buffer.from(key),
    value: Buffer.from(value),
  }))
}

/** Every value that differs in one bit, and those that lost octets at the end, or got some. */
function* damagedValues(value: Buffer): Generator<{ what: string; bytes: Buffer }> {
  for (let bit = 0; bit < value.length * 8; bit++) {
    const bytes = Buffer.from(value)
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
    yield { what: `octet ${bit >> 3}, bit ${bit & 7}`, bytes }
  }
  for (let size = 1; size <= 1024; size *= 2) {
    const other = value.length ^ size
    if (other > 1_900) continue
    const bytes = Buffer.concat([value, Buffer.alloc(size, 'octets of others ')]).subarray(0, other)
    yield { what: `${other} octets`, bytes }
  }
}

/** What is served; 'refused' for what fails with 'corrupt'. */
const served = async (read: () => Promise<unknown>): Promise<unknown> => {
  try {
    return await read()
  } catch (error) {
    assert.equal((error as { kind?: string }).kind, 'corrupt', String(error))
    return 'refused'
  }
}

const readEach = async ({ store, inboxes }: Ground, right?: readonly unknown[]): Promise<unknown[]> => {
  const found: unknown[] = []
  for (const [account, inbox] of inboxes.entries()) {
    const uids = account === 0 ? Uint32Array.of(5, 6) : Uint32Array.of(1, 3)
    const quick = store.messages.quickReader(inbox, uids)
    for (const [index, uid] of uids.entries()) {
      const whole = await served(async () => String(await store.messages.read(inbox, uid as never)))
      found.push(whole)
      // It may refuse at any time, when the disk is slow.
      const read = quick.read(index, 10_000)
      if (read !== undefined) {
        assert.equal(String(read.octets), right?.[found.length - 1] ?? whole)
        assert.doesNotMatch(String(read.octets.subarray(read.plainFrom)), /^\./m)
      }
      for (const bytes of ['all', 'header'] as const)
        found.push(await served(() => fetched(store, inbox, uid, bytes)))
    }
  }
  return found
}

const fetched = async (
  store: Whole,
  inbox: MailboxId,
  uid: number,
  bytes: 'all' | 'header',
): Promise<string> => {
  let text = ''
  for await (const batch of store.messages.fetch(inbox, Uint32Array.of(uid), {
    bytes,
    facts: true,
    summary: true,
  })) {
    text += `${batch.uids} ${batch.flags0} ${batch.facts?.internalDatesMs} ${batch.bytes} ${batch.summaries}`
  }
  return text
}

const onlyRightOrRefused = (is: readonly unknown[], right: readonly unknown[], what: string): void => {
  for (const [index, each] of is.entries()) {
    if (each !== 'refused') assert.equal(each, right[index], what)
  }
}

for (const table of ['chunk', 'message', 'blob', 'mailboxState'] as const) {
  test(`index rows, ${table}: whatever bit flips, no octets are served but the message's own`, async (t) => {
    const ground = await makeGround(t)
    const { environment } = ground
    const right = await readEach(ground)
    const [row] = rowsOf(environment, tables[table]).slice(-1)
    assert.ok(row !== undefined)
    for (const { what, bytes } of damagedValues(row.value)) {
      transact(environment, () => environment.putSync(row.key, bytes))
      onlyRightOrRefused(await readEach(ground, right), right, `${row.key.toString('hex')}: ${what}`)
    }
    transact(environment, () => environment.putSync(row.key, row.value))
    assert.deepEqual(await readEach(ground, right), right)
    assert.deepEqual((await ground.store.check()).problems, [])
  })
}

test('index rows, accounts and mailboxes: whatever bit flips, no name leads to another', async (t) => {
  const ground = await makeGround(t)
  const { store, environment, accounts } = ground
  const look = async (): Promise<unknown[]> => {
    const found: unknown[] = []
    for (const { id, address } of accounts) {
      found.push(await served(async () => JSON.stringify(await store.accounts.find(address))))
      found.push(await served(async () => JSON.stringify(await store.mailboxes.find(id, 'INBOX'))))
    }
    return found
  }
  const right = await look()
  for (const tag of [tables.account, tables.accountByAddress, tables.mailbox, tables.mailboxByName]) {
    for (const row of rowsOf(environment, tag).slice(0, 2)) {
      for (const { what, bytes } of damagedValues(row.value)) {
        transact(environment, () => environment.putSync(row.key, bytes))
        onlyRightOrRefused(await look(), right, `${row.key.toString('hex')}: ${what}`)
      }
      transact(environment, () => environment.putSync(row.key, row.value))
    }
  }
  assert.deepEqual(await look(), right)
})

test('index rows: a damaged one is found by check, which goes on with the others', async (t) => {
  const { store, environment, inboxes } = await makeGround(t)
  const all = Uint32Array.of(1, 2, 3)
  for await (const { conversations } of store.messages.fetch(inboxes[0]!, all, { conversation: true }))
    assert.equal(conversations?.length, 3)
  for (const tag of [
    tables.chunk,
    tables.message,
    tables.blob,
    tables.mailbox,
    tables.mailboxState,
    tables.segment,
    tables.conversation,
  ]) {
    const [row] = rowsOf(environment, tag)
    assert.ok(row !== undefined)
    const bytes = Buffer.from(row.value)
    const last = bytes.length - 1
    bytes[last] = (bytes[last] as number) ^ 4
    transact(environment, () => environment.putSync(row.key, bytes))
    const { problems } = await store.check()
    assert.ok(
      problems.some((problem) => /damaged/.test(problem)),
      `${tag}: ${problems}`,
    )
    transact(environment, () => environment.putSync(row.key, row.value))
  }
  assert.deepEqual((await store.check()).problems, [])
})

test('index rows, what an account holds: whatever bit flips, the quota is that of its mailboxes', async (t) => {
  const { store, environment, accounts, inboxes } = await makeGround(t)
  const { id } = accounts[0] as Account
  const right = await store.mailboxes.quota(id)
  const [row] = rowsOf(environment, tables.usage)
  assert.ok(row !== undefined)
  for (const { what, bytes } of damagedValues(row.value)) {
    // The row of a store from before the checksum.
    if (bytes.length === 16) continue
    transact(environment, () => environment.putSync(row.key, bytes))
    assert.deepEqual(await store.mailboxes.quota(id), right, what)
  }
  assert.match(String((await store.check()).problems), /Account \d+: the row of what it holds is damaged/)
  await append(store, inboxes[0] as MailboxId, sampleMessage(50, 1_000))
  assert.ok((await store.mailboxes.quota(id)).usedMessages === right.usedMessages + 1)
  transact(environment, () => environment.putSync(row.key, row.value.subarray(0, 16)))
  assert.deepEqual(await store.mailboxes.quota(id), right, 'without a checksum it is believed')
})

test('index rows, expunged: whatever bit flips, what is gone is told as gone, and nothing else', async (t) => {
  const { store, environment, inboxes } = await makeGround(t)
  const inbox = inboxes[0] as MailboxId
  const since = (await store.messages.view(inbox)).mailbox.highestModSeq
  await store.messages.discard(inbox, Uint32Array.of(2, 3))
  const [row] = rowsOf(environment, tables.expunged)
  assert.ok(row !== undefined)
  assert.deepEqual(expungedSince(new Snapshot(environment), inbox, since), Uint32Array.of(2, 3))
  for (const { what, bytes } of damagedValues(row.value)) {
    transact(environment, () => environment.putSync(row.key, bytes))
    assert.equal(expungedSince(new Snapshot(environment), inbox, since), undefined, what)
  }
  const { vanished, complete } = await store.messages.changesSince(inbox, since)
  assert.deepEqual([[...vanished], complete], [[2, 3], false], 'all that is not there')
  assert.match(String((await store.check()).problems), /a row of what was expunged is damaged/)
  transact(environment, () => {
    environment.removeSync(row.key)
    environment.putSync(row.key.subarray(0, -4), row.value)
  })
  assert.deepEqual(expungedSince(new Snapshot(environment), inbox, since), Uint32Array.of(2, 3), 'of before')
})

test('index rows, greylist: a damaged one is forgotten, and holds up nobody', async (t) => {
  const { store, environment } = await makeGround(t)
  const triplet = { network: '192.0.2.0/24', sender: 'a@b.example', recipient: 'c@d.example' }
  const rules = { nowMs: 1_000, delayMs: 60_000, retryWindowMs: 1e6, maxAgeMs: 1e7, autoWhitelistPasses: 5 }
  await store.greylist.attempt(triplet, rules)
  const [row] = rowsOf(environment, tables.greylist)
  assert.ok(row !== undefined)
  for (const { bytes } of damagedValues(row.value)) {
    transact(environment, () => environment.putSync(row.key, bytes))
    assert.deepEqual(await store.greylist.list(), [])
  }
  assert.equal(await store.greylist.expire(2_000, 1e6, 1e7), 1, 'expiry takes it away')
  assert.equal((await store.greylist.attempt(triplet, { ...rules, nowMs: 3_000 })).first, true)
})
