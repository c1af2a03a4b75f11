import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Account, Mailbox, Store } from '../contract.ts'
import { openStore, rebuildStore, restoreStore } from '../index.ts'
import { closeEnvironment, openEnvironment } from '../kv/environment.ts'
import { accountAddressKey } from '../rows/account-row.ts'
import {
  acceptance,
  append,
  mailboxOf,
  makeAccount,
  readAll,
  sampleMessage,
  stage,
  toRemote,
} from '../testkit/samples.ts'

const temporary = (): string => mkdtempSync(join(tmpdir(), 'posthorn-keep-'))

const fill = async (store: Store, count: number): Promise<{ account: Account; inbox: Mailbox }> => {
  const account = await makeAccount(store)
  const inbox = await mailboxOf(store, account)
  for (let number = 1; number <= count; number++) {
    await append(store, inbox.id, sampleMessage(number), number % 3, [`k${number % 5}`])
  }
  return { account, inbox }
}

/** Mailboxes as a client sees them, with flags and octets. */
const picture = async (store: Store, account: Account): Promise<unknown> => {
  const mailboxes = []
  for (const mailbox of await store.mailboxes.list(account.id)) {
    const { highestModSeq: _, ...facts } = mailbox
    const flags = []
    const { uids } = await store.messages.view(mailbox.id)
    for await (const batch of store.messages.fetch(mailbox.id, uids, { conversation: true })) {
      flags.push(
        [...(batch.conversations ?? [])],
        [...batch.uids],
        [...batch.flags0],
        [...batch.flags1],
        [...(batch.facts?.internalDatesMs ?? [])],
      )
    }
    mailboxes.push({ facts, flags, octets: [...(await readAll(store, mailbox.id))] })
  }
  return { mailboxes, quota: await store.mailboxes.quota(account.id), queue: await store.queue.list() }
}

const flipOctet = (path: string, offset: number): void => {
  const file = openSync(path, 'r+')
  const octet = Buffer.alloc(1)
  readSync(file, octet, 0, 1, offset)
  writeSync(file, Buffer.from([(octet[0] as number) ^ 0xff]), 0, 1, offset)
  closeSync(file)
}

test('a destroyed index is rebuilt: no message, flag or mailbox is lost', async () => {
  const directory = temporary()
  const store = await openStore({ directory })
  const { account, inbox } = await fill(store, 80)
  await store.mailboxes.create(account.id, 'a/b')
  await store.mailboxes.rename(account.id, 'a', 'c')
  await store.mailboxes.subscribe(account.id, 'elsewhere', 'subscribed')
  const target = await mailboxOf(store, account, 'c/b')
  await store.messages.copy(inbox.id, Uint32Array.of(3, 40, 41), target.id)
  await store.messages.move(inbox.id, Uint32Array.of(5), target.id)
  await store.messages.discard(inbox.id, Uint32Array.of(7, 8))
  // The later one joins what was named already: without its name it would be named otherwise.
  for (const answer of ['<2@x>\r\nIn-Reply-To: <1@x>', '<1@x>\r\nIn-Reply-To: <0@x>']) {
    await append(store, inbox.id, Buffer.from(`Message-ID: ${answer}\r\n\r\nanswer\r\n`))
    await picture(store, account)
  }
  await store.messages.changeFlags(inbox.id, Uint32Array.of(9), {
    op: 'replace',
    flags: { system: 31, keywords: ['x'] },
  })
  await store.queue.accept(
    acceptance(store, await stage(store, sampleMessage(99)), [toRemote('a@b', 70), toRemote('c@d', 90)]),
  )
  const bob = await makeAccount(store, 'bob@example.org')
  await store.sharing.createGroup('team')
  await store.sharing.changeMembership('team', bob.id, 'member')
  const team = { kind: 'group', name: 'team' } as const
  await store.sharing.changeAcl(inbox.id, { subject: team, effect: 'grants', op: 'replace', rights: 'lr' })
  await store.annotations.change(inbox.id, [
    { name: '/comment', scope: bob.id, value: Buffer.alloc(4_000, 'c') },
  ])
  const before = await picture(store, account)
  await store.close()
  const index = join(directory, 'index.mdb')
  const file = openSync(index, 'r+')
  writeSync(file, Buffer.alloc(statSync(index).size, 0x55))
  closeSync(file)
  const report = await rebuildStore(directory, 1)
  assert.deepEqual([report.lost, report.redelivered, report.queueEntries], [[], 0, 1])
  const again = await openStore({ directory })
  assert.deepEqual(await picture(again, account), before)
  assert.ok((await again.mailboxes.subscriptions(account.id)).includes('elsewhere'))
  assert.equal(await again.queue.nextDueMs(), 70)
  assert.deepEqual(
    (await again.sharing.sharedWith(bob.id)).map(({ mailbox, rights }) => [mailbox.name, rights]),
    [['INBOX', 'lr']],
  )
  assert.equal((await again.annotations.list(inbox.id, bob.id))[0]?.value.length, 4_000)
  assert.equal((await append(again, inbox.id, sampleMessage(100))).uid, 83, 'no UID is used again')
  assert.deepEqual((await again.check()).problems, [])
  await assert.rejects(rebuildStore(directory, 2), { kind: 'in-use' })
  await again.close()
  rmSync(directory, { recursive: true })
})

test('rebuild works twice, and after a checkpoint', async () => {
  const directory = temporary()
  let store = await openStore({ directory })
  const { account, inbox } = await fill(store, 10)
  await store.close()
  for (let round = 0; round < 3; round++) {
    await rebuildStore(directory, round + 10)
    store = await openStore({ directory })
    await append(store, inbox.id, sampleMessage(200 + round))
    await store.messages.discard(inbox.id, Uint32Array.of(round + 1))
    assert.equal((await store.messages.view(inbox.id)).uids.length, 10)
    assert.equal((await mailboxOf(store, account)).uidNext, 12 + round)
    await store.close()
  }
  rmSync(directory, { recursive: true })
})

test('a damaged frame is reported, never served, and costs that message alone', async () => {
  const directory = temporary()
  const store = await openStore({ directory })
  const { account, inbox } = await fill(store, 5)
  const segments = join(directory, 'segments')
  const [name] = readdirSync(segments)
  flipOctet(join(segments, String(name)), 64 + 200)
  const { problems } = await store.check()
  assert.equal(problems.length, 1)
  assert.match(String(problems[0]), /damaged/)
  await assert.rejects(store.messages.read(inbox.id, 1 as never), { kind: 'corrupt' })
  await store.close()
  const report = await rebuildStore(directory, 3)
  assert.equal(report.messages, 4)
  assert.ok(report.lost.some((line) => line.includes('UID 1')))
  const again = await openStore({ directory })
  assert.deepEqual([...(await again.messages.view(inbox.id)).uids], [2, 3, 4, 5])
  assert.equal((await mailboxOf(again, account)).uidNext, 6)
  await again.close()
  rmSync(directory, { recursive: true })
})

test('compaction gives dead space back and changes nothing that is seen', async () => {
  const directory = temporary()
  let store = await openStore({ directory })
  const { account, inbox } = await fill(store, 60)
  await append(store, inbox.id, sampleMessage(61, 2_000_000))
  await store.close()
  store = await openStore({ directory })
  await store.messages.discard(
    inbox.id,
    Uint32Array.from({ length: 40 }, (_, n) => n + 1),
  )
  await store.messages.discard(inbox.id, Uint32Array.of(61))
  const before = await picture(store, account)
  const reading = store.messages.fetch(inbox.id, (await store.messages.view(inbox.id)).uids, { bytes: 'all' })
  const [report] = await Promise.all([
    store.compact(),
    (async () => {
      for await (const { bytes } of reading) assert.ok((bytes?.length ?? 0) > 0)
    })(),
  ])
  assert.equal(report.segmentsRemoved, 2)
  assert.ok(report.freedBytes > 2_000_000)
  assert.deepEqual(await picture(store, account), before)
  assert.deepEqual((await store.check()).problems, [])
  await store.close()
  rmSync(join(directory, 'index.mdb'))
  await rebuildStore(directory, 4)
  store = await openStore({ directory })
  assert.deepEqual(await picture(store, account), before, 'moved frames are found by a rebuild')
  await store.close()
  rmSync(directory, { recursive: true })
})

test('backup of a running store, and its restore', async () => {
  const directory = temporary()
  const target = temporary()
  const store = await openStore({ directory: join(directory, 'store') })
  const { account, inbox } = await fill(store, 20)
  const before = await picture(store, account)
  let busy = true
  const late = (async () => {
    for (let number = 100; busy; number++)
      await append(store, (await mailboxOf(store, account, 'Sent')).id, sampleMessage(number))
  })()
  const report = await store.backup(join(target, 'backup'))
  busy = false
  await late
  assert.ok(report.segments >= 1)
  await assert.rejects(store.backup(join(target, 'backup')), { kind: 'in-use' })
  await store.close()
  await assert.rejects(restoreStore(join(target, 'backup'), join(directory, 'store')), { kind: 'in-use' })
  await assert.rejects(restoreStore(target, join(target, 'restored')), { kind: 'corrupt' })
  await restoreStore(join(target, 'backup'), join(target, 'restored'))
  const restored = await openStore({ directory: join(target, 'restored') })
  const inboxes = (shown: unknown): unknown => (shown as { mailboxes: unknown[] }).mailboxes[0]
  assert.deepEqual(inboxes(await picture(restored, account)), inboxes(before))
  assert.deepEqual((await restored.check()).problems, [])
  await append(restored, inbox.id, sampleMessage(21))
  await restored.close()
  rmSync(directory, { recursive: true })
  rmSync(target, { recursive: true })
})

test('check: an address that leads to another account, to none, or is left over', async () => {
  const directory = temporary()
  const store = await openStore({ directory })
  const first = await makeAccount(store, 'first@example.org')
  await makeAccount(store, 'second@example.org')
  const environment = openEnvironment(join(directory, 'index.mdb'), 'synced')
  await environment.transaction(() => {
    const id = Buffer.alloc(4)
    id.writeUInt32BE(first.id)
    environment.putSync(accountAddressKey('second@example.org'), id)
    environment.removeSync(accountAddressKey('first@example.org'))
    environment.putSync(accountAddressKey('gone@example.org'), id)
  })
  assert.deepEqual((await store.check()).problems, [
    `Account ${first.id}: its address "first@example.org" leads to nobody`,
    `Account ${first.id + 1}: its address "second@example.org" leads to ${first.id}`,
    'Address "gone@example.org" leads to an account that has another',
  ])
  await closeEnvironment(environment)
  await store.close()
  rmSync(directory, { recursive: true })
})
