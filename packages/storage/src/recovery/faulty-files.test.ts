import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Account, MailboxId, Maintenance, Store } from '../contract.ts'
import { openStore, rebuildStore } from '../index.ts'
import { encodeFlushRecord, flushOwnersIn, flushPath, flushSlot, youngestFlush } from '../log/flush-record.ts'
import { openStoreWith } from '../open-store.ts'
import { realFileLayer } from '../segments/file-layer.ts'
import { type Fault, FaultyFileLayer } from '../testkit/faulty-file-layer.ts'
import {
  acceptance,
  append,
  mailboxOf,
  makeAccount,
  readAll,
  sampleMessage,
  stage,
  toMailbox,
  toRemote,
} from '../testkit/samples.ts'

interface Acknowledged {
  readonly messages: Map<string, Buffer>
  readonly queued: Map<string, Buffer>
  /** Places of messages that were flagged. */
  readonly flagged: Set<string>
  /** Places that were given and then given up. */
  readonly removed: Set<string>
}

/** Mail of every kind; what was acknowledged is noted. Operations that fail are left at that. */
const workload = async (
  store: Store & Maintenance,
  account: Account,
  acknowledged: Acknowledged,
): Promise<void> => {
  const inbox = await mailboxOf(store, account)
  const trash = await mailboxOf(store, account, 'Trash')
  const deliver = async (number: number, sizeBytes: number): Promise<void> => {
    const bytes = sampleMessage(number, sizeBytes)
    const message = await stage(store, bytes)
    const given = acceptance(store, message, [toMailbox(account, 'INBOX', ''), toRemote('a@b')])
    const [accepted] = await store.queue.accept(given)
    if (accepted?.placed)
      acknowledged.messages.set(`${accepted.placed.mailbox}:${accepted.placed.uid}`, bytes)
    acknowledged.queued.set(given.entry.queueId, bytes)
  }
  const appendOne = async (number: number, sizeBytes: number): Promise<void> => {
    const bytes = sampleMessage(number, sizeBytes)
    const item = { message: await stage(store, bytes), flags: { system: 0, keywords: [] }, internalDateMs: 0 }
    const [placed] = await store.messages.append(trash.id, [item])
    acknowledged.messages.set(`${trash.id}:${placed?.uid}`, bytes)
  }
  const flag = async (mailbox: MailboxId, index: number): Promise<void> => {
    const uid = (await store.messages.view(mailbox)).uids[index]
    if (uid === undefined) return
    await store.messages.changeFlags(mailbox, Uint32Array.of(uid), {
      op: 'add',
      flags: { system: 4, keywords: ['kept'] },
    })
    acknowledged.flagged.add(`${mailbox}:${uid}`)
  }
  const move = async (index: number): Promise<void> => {
    const uid = (await store.messages.view(inbox.id)).uids[index]
    const place = `${inbox.id}:${uid}`
    const bytes = acknowledged.messages.get(place)
    if (uid === undefined || bytes === undefined) return
    acknowledged.messages.delete(place)
    acknowledged.flagged.delete(place)
    const { to } = await store.messages.move(inbox.id, Uint32Array.of(uid), trash.id)
    acknowledged.messages.set(`${trash.id}:${to[0]}`, bytes)
    acknowledged.removed.add(place)
  }
  const attempt = (work: Promise<void>): Promise<void> => work.catch(() => {})
  await attempt(deliver(1, 2_000))
  await Promise.all([2, 3, 4].map((number) => attempt(deliver(number, 3_000 * number))))
  await attempt(flag(inbox.id, 0))
  await attempt(store.flushJournal())
  await attempt(appendOne(5, 1_300_000))
  await Promise.all([attempt(appendOne(6, 500)), attempt(deliver(7, 900))])
  await attempt(flag(trash.id, 0))
  await attempt(store.flushJournal())
  await attempt(
    (async () => {
      const { uids } = await store.messages.view(inbox.id)
      const [uid] = uids
      const bytes = acknowledged.messages.get(`${inbox.id}:${uid}`)
      if (uid === undefined || bytes === undefined) return
      const { to } = await store.messages.copy(inbox.id, Uint32Array.of(uid), trash.id)
      acknowledged.messages.set(`${trash.id}:${to[0]}`, bytes)
    })(),
  )
  // Beyond what is logged with its octets.
  await Promise.all([attempt(deliver(8, 400_000)), attempt(flag(inbox.id, 1))])
  await attempt(move(0))
  await Promise.all([attempt(deliver(9, 100_000)), attempt(move(1)), attempt(flag(inbox.id, 2))])
}

/** One after the other, more than a short log holds. */
const manySmall = async (
  store: Store & Maintenance,
  account: Account,
  { messages }: Acknowledged,
): Promise<void> => {
  const { id } = await mailboxOf(store, account)
  for (let count = 0; count < 40; count++) {
    const bytes = sampleMessage(1 + (count % 9), 400 + 37 * count)
    const { uid } = await append(store, id, bytes)
    messages.set(`${id}:${uid}`, bytes)
  }
}

const verify = async (
  store: Store & Maintenance,
  account: Account,
  { messages, queued, flagged, removed }: Acknowledged,
): Promise<void> => {
  assert.deepEqual((await store.check()).problems, [])
  for (const { id, uidNext } of await store.mailboxes.list(account.id)) {
    const all = await readAll(store, id)
    for (const [uid, bytes] of all) {
      assert.ok(uid < uidNext)
      const number = Number(/Subject: message (\d+)/.exec(bytes.toString('latin1', 0, 200))?.[1])
      assert.ok(number >= 1 && number <= 9)
      assert.ok(!removed.has(`${id}:${uid}`), 'what was moved away is back')
    }
    for (const [place, bytes] of messages) {
      if (place.startsWith(`${id}:`))
        assert.ok(all.get(Number(place.split(':')[1]))?.equals(bytes), `${place} is lost`)
    }
  }
  for (const place of flagged) assert.ok(await isFlagged(store, place), `the flag of ${place} is lost`)
  for (const [queueId, bytes] of queued) {
    assert.ok(
      bytes.equals((await store.queue.read(queueId as never)) ?? Buffer.alloc(0)),
      `${queueId} is lost`,
    )
  }
}

const isFlagged = async (store: Store, place: string): Promise<boolean> => {
  const [mailbox = 0, uid = 0] = place.split(':').map(Number)
  let found = false
  for await (const { flags0 } of store.messages.fetch(mailbox as MailboxId, Uint32Array.of(uid), {})) {
    found = ((flags0[0] ?? 0) & 4) !== 0
  }
  return found
}

/** A short log is written round and round, and has no room for what is long. */
const prepare = async (logCapacityBytes?: number): Promise<{ directory: string; account: Account }> => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-faulty-'))
  const store = await openStoreWith(logCapacityBytes === undefined ? {} : { logCapacityBytes }, { directory })
  const account = await makeAccount(store)
  await store.close()
  return { directory, account }
}

const noted = (): Acknowledged => ({
  messages: new Map(),
  queued: new Map(),
  flagged: new Set(),
  removed: new Set(),
})

const copyOf = ({ messages, queued, flagged, removed }: Acknowledged): Acknowledged => ({
  messages: new Map(messages),
  queued: new Map(queued),
  flagged: new Set(flagged),
  removed: new Set(removed),
})

/** Of an opening, and of all. */
const countCalls = async (
  logCapacityBytes?: number,
  work = workload,
): Promise<{ opening: number; all: number }> => {
  const { directory, account } = await prepare(logCapacityBytes)
  const files = new FaultyFileLayer({ kind: 'none' })
  const store = await openStoreWith({ files }, { directory })
  const opening = files.calls
  await work(store, account, noted())
  await store.close()
  rmSync(directory, { recursive: true })
  return { opening, all: files.calls }
}

/** Works until the power fails at that call. What is left of the store, and what it had acknowledged. */
const failPower = async (
  atCall: number,
  seed: number,
  logCapacityBytes?: number,
  work = workload,
): Promise<Left> => {
  const { directory, account } = await prepare(logCapacityBytes)
  const files = new FaultyFileLayer({ kind: 'power', atCall }, seed)
  const acknowledged = noted()
  const opened = openStoreWith({ files }, { directory })
  const working = opened.then((store) => work(store, account, acknowledged).then(() => store.close()))
  await Promise.race([files.down, working.catch(() => {})])
  // What runs beside may still succeed: the worst case.
  await new Promise((resolve) => setTimeout(resolve, 10))
  const answered = copyOf(acknowledged)
  const left = `${directory}-left`
  files.loseUnsynced(directory, left)
  rmSync(directory, { recursive: true })
  return { directory: left, account, answered }
}

interface Left {
  readonly directory: string
  readonly account: Account
  readonly answered: Acknowledged
}

const verifyLeft = async ({ directory, account, answered }: Left): Promise<void> => {
  const store = await openStore({ directory })
  try {
    await verify(store, account, answered)
    await append(store, (await mailboxOf(store, account)).id, sampleMessage(5))
  } finally {
    await store.close()
  }
  rmSync(directory, { recursive: true })
}

test('power fails at the nth call of the file layer: what was acknowledged is there, whole', async () => {
  const { all } = await countCalls()
  assert.ok(all > 40, `${all} calls`)
  for (let atCall = 2; atCall <= all; atCall++) await verifyLeft(await failPower(atCall, atCall))
})

test('the same with a log that is too short for half of it', async () => {
  const logCapacityBytes = 40_000
  const { opening, all } = await countCalls(logCapacityBytes)
  for (let atCall = opening; atCall <= all; atCall += 2)
    await verifyLeft(await failPower(atCall, atCall, logCapacityBytes))
})

test('the same, several times round a log without room for all that is not yet in the index', async () => {
  const logCapacityBytes = 24_000
  const { opening, all } = await countCalls(logCapacityBytes, manySmall)
  for (let atCall = opening + 40; atCall <= all; atCall += 5)
    await verifyLeft(await failPower(atCall, atCall, logCapacityBytes, manySmall))
})

test('after power failure no UID, MODSEQ or UIDVALIDITY that was seen is given again', async () => {
  const { opening } = await countCalls()
  const { directory, account } = await failPower(opening + 20, 1)
  const logs = join(directory, 'log')
  const [owner = 0] = flushOwnersIn(logs)
  const before = youngestFlush(realFileLayer, logs, join(directory, 'index.mdb'), 'unclean')
  assert.ok(before)
  const otherBoot = encodeFlushRecord({ ...before, boot: '00000000-0000-0000-0000-000000000000' })
  for (const slot of [0, 1]) {
    const file = openSync(flushPath(logs, owner), 'r+')
    writeSync(file, otherBoot, 0, otherBoot.length, flushSlot(slot))
    closeSync(file)
  }
  const store = await openStore({ directory })
  const inbox = await mailboxOf(store, account)
  assert.ok(inbox.uidNext > 10_000 && inbox.highestModSeq > 10_000)
  assert.ok((await append(store, inbox.id, sampleMessage(1))).uid > 10_000)
  const created = await store.mailboxes.create(account.id, 'new')
  assert.ok(created.uidValidity >= inbox.uidValidity + 10_000)
  assert.deepEqual((await store.check()).problems, [])
  await store.close()
  rmSync(directory, { recursive: true })
})

test('power fails again while the store recovers', async () => {
  const { opening, all } = await countCalls()
  for (let atCall = 1; atCall <= opening + 8; atCall++) {
    const first = await failPower(opening + ((atCall * 7) % (all - opening)), atCall)
    const files = new FaultyFileLayer({ kind: 'power', atCall }, atCall + 1)
    const opened = openStoreWith({ files }, { directory: first.directory })
    await Promise.race([files.down, opened.then((store) => store.close()).catch(() => {})])
    await new Promise((resolve) => setTimeout(resolve, 10))
    const second = `${first.directory}-again`
    files.loseUnsynced(first.directory, second)
    rmSync(first.directory, { recursive: true })
    await verifyLeft({ ...first, directory: second })
  }
})

for (const code of ['ENOSPC', 'EIO'] as const) {
  test(`${code} at the nth call: refused at most, nothing half, and it goes on`, async () => {
    const { opening, all } = await countCalls()
    for (let atCall = opening + 1; atCall <= all; atCall++) {
      const { directory, account } = await prepare()
      const fault: Fault = { kind: 'error', atCall, code }
      const acknowledged = noted()
      const store = await openStoreWith({ files: new FaultyFileLayer(fault) }, { directory })
      await workload(store, account, acknowledged)
      assert.ok(acknowledged.messages.size >= 3, `call ${atCall}`)
      await verify(store, account, acknowledged)
      await store.close().catch(() => {})
      rmSync(directory, { recursive: true })
    }
  })

  test(`${code} at the nth call of an opening: it fails or not, and the next one goes well`, async () => {
    const { opening } = await countCalls()
    for (let atCall = 1; atCall <= opening; atCall++) {
      const { directory, account } = await prepare()
      const files = new FaultyFileLayer({ kind: 'error', atCall, code })
      await openStoreWith({ files }, { directory }).then(
        (store) => store.close(),
        () => {},
      )
      const store = await openStore({ directory })
      await verify(store, account, noted())
      await store.close()
      rmSync(directory, { recursive: true })
    }
  })
}

test('power fails, and the index is lost as well: rebuild brings back what the journal or a frame knows', async () => {
  const { directory, account } = await prepare()
  const files = new FaultyFileLayer({ kind: 'none' })
  const store = await openStoreWith({ files }, { directory })
  const acknowledged = noted()
  await workload(store, account, acknowledged)
  // No journal flush and no close: the last placements are known to the log alone, or to frames.
  const left = `${directory}-left`
  files.loseUnsynced(directory, left)
  const index = join(left, 'index.mdb')
  writeFileSync(index, Buffer.alloc(statSync(index).size, 0x55))
  await rebuildStore(left, 5)
  const rebuilt = await openStore({ directory: left })
  assert.deepEqual((await rebuilt.check()).problems, [])
  const all = new Set<string>()
  for (const { id } of await rebuilt.mailboxes.list(account.id)) {
    for (const bytes of (await readAll(rebuilt, id)).values()) all.add(bytes.toString('latin1'))
  }
  for (const bytes of acknowledged.messages.values()) assert.ok(all.has(bytes.toString('latin1')))
  for (const place of acknowledged.flagged) assert.ok(await isFlagged(rebuilt, place), 'flags, too')
  await rebuilt.close()
  await store.close()
  rmSync(directory, { recursive: true })
  rmSync(left, { recursive: true })
})
