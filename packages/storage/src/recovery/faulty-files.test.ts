import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Account, Maintenance, Store } from '../contract.ts'
import { openStore, rebuildStore } from '../index.ts'
import { openStoreWith } from '../open-store.ts'
import { type Fault, FaultyFileLayer } from '../testkit/faulty-file-layer.ts'
import {
  acceptance,
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
}

/** Mail of every kind; what was acknowledged is noted. Operations that fail are left at that. */
const workload = async (store: Store, account: Account, acknowledged: Acknowledged): Promise<void> => {
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
  const attempt = (work: Promise<void>): Promise<void> => work.catch(() => {})
  await attempt(deliver(1, 2_000))
  await Promise.all([2, 3, 4].map((number) => attempt(deliver(number, 3_000 * number))))
  await attempt(appendOne(5, 1_300_000))
  await Promise.all([attempt(appendOne(6, 500)), attempt(deliver(7, 900))])
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
}

const verify = async (
  store: Store & Maintenance,
  account: Account,
  { messages, queued }: Acknowledged,
): Promise<void> => {
  assert.deepEqual((await store.check()).problems, [])
  for (const { id, uidNext } of await store.mailboxes.list(account.id)) {
    const all = await readAll(store, id)
    for (const [uid, bytes] of all) {
      assert.ok(uid < uidNext)
      const number = Number(/Subject: message (\d+)/.exec(bytes.toString('latin1', 0, 200))?.[1])
      assert.ok(number >= 1 && number <= 7)
    }
    for (const [place, bytes] of messages) {
      if (place.startsWith(`${id}:`))
        assert.ok(all.get(Number(place.split(':')[1]))?.equals(bytes), `${place} is lost`)
    }
  }
  for (const [queueId, bytes] of queued) {
    assert.ok(
      bytes.equals((await store.queue.read(queueId as never)) ?? Buffer.alloc(0)),
      `${queueId} is lost`,
    )
  }
}

const prepare = async (): Promise<{ directory: string; account: Account }> => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-faulty-'))
  const store = await openStore({ directory })
  const account = await makeAccount(store)
  await store.close()
  return { directory, account }
}

const countCalls = async (): Promise<number> => {
  const { directory, account } = await prepare()
  const files = new FaultyFileLayer({ kind: 'none' })
  const store = await openStoreWith({ files }, { directory })
  await workload(store, account, { messages: new Map(), queued: new Map() })
  await store.close()
  rmSync(directory, { recursive: true })
  return files.calls
}

const noted = (): Acknowledged => ({ messages: new Map(), queued: new Map() })

test('power fails at the nth call of the file layer: what was acknowledged is there, whole', async () => {
  const calls = await countCalls()
  assert.ok(calls > 15, `${calls} calls`)
  for (let atCall = 2; atCall <= calls; atCall++) {
    const { directory, account } = await prepare()
    const files = new FaultyFileLayer({ kind: 'power', atCall }, atCall)
    const acknowledged = noted()
    const opened = openStoreWith({ files }, { directory })
    const working = opened.then((store) => workload(store, account, acknowledged).then(() => store.close()))
    await Promise.race([files.down, working.catch(() => {})])
    // The index commit that runs beside the sync may still succeed: the worst case.
    await new Promise((resolve) => setTimeout(resolve, 10))
    const answered: Acknowledged = {
      messages: new Map(acknowledged.messages),
      queued: new Map(acknowledged.queued),
    }
    files.loseUnsynced()
    rmSync(join(directory, 'processes'), { recursive: true })
    const store = await openStore({ directory })
    try {
      await verify(store, account, answered)
    } finally {
      await store.close()
    }
    rmSync(directory, { recursive: true })
  }
})

for (const code of ['ENOSPC', 'EIO'] as const) {
  test(`${code} at the nth call: refused at most, nothing half, and it goes on`, async () => {
    const calls = await countCalls()
    for (let atCall = 3; atCall <= calls; atCall++) {
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
}

test('power fails, and the index is lost as well: rebuild brings back what the journal or a frame knows', async () => {
  const { directory, account } = await prepare()
  const files = new FaultyFileLayer({ kind: 'none' })
  const store = await openStoreWith({ files }, { directory })
  const acknowledged = noted()
  await workload(store, account, acknowledged)
  // No journal flush and no close: the placements are known to the frames alone.
  files.loseUnsynced()
  rmSync(join(directory, 'processes'), { recursive: true })
  const report = await rebuildStore(directory, 5)
  assert.ok(report.redelivered > 0)
  const rebuilt = await openStore({ directory })
  assert.deepEqual((await rebuilt.check()).problems, [])
  const all = new Set<string>()
  for (const { id } of await rebuilt.mailboxes.list(account.id)) {
    for (const bytes of (await readAll(rebuilt, id)).values()) all.add(bytes.toString('latin1'))
  }
  for (const bytes of acknowledged.messages.values()) assert.ok(all.has(bytes.toString('latin1')))
  await rebuilt.close()
  rmSync(directory, { recursive: true })
})
