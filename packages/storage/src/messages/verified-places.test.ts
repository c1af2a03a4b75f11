import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Uid } from '../contract.ts'
import { openStore } from '../index.ts'
import {
  acceptance,
  append,
  mailboxOf,
  makeAccount,
  sampleMessage,
  stage,
  toMailbox,
} from '../testkit/samples.ts'
import { verifiedForMs } from './verified-places.ts'

const sizes = [400, 9_000, 60_000, 12_000, 200_000]

const newStore = async (t: { after(step: () => void): void }) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-places-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const store = await openStore({ directory })
  const account = await makeAccount(store)
  return { directory, store, account, id: (await mailboxOf(store, account)).id }
}

/** Changes an octet near the end of a message on the disk. */
function spoil(directory: string, message: Buffer): void {
  const ending = message.subarray(-3_000)
  let spoilt = 0
  for (const name of readdirSync(join(directory, 'segments'))) {
    const path = join(directory, 'segments', name)
    const at = readFileSync(path).indexOf(ending)
    if (at < 0) continue
    const file = openSync(path, 'r+')
    writeSync(file, Buffer.from([0]), 0, 1, at + ending.length - 20)
    closeSync(file)
    spoilt++
  }
  assert.equal(spoilt, 1)
}

test('of a body that was verified only what is wanted is read, of copies with another prefix, too', async (t) => {
  const { store, account, id } = await newStore(t)
  for (const [n, size] of sizes.entries()) {
    const delivered = await stage(store, sampleMessage(n, size))
    const prefixes = [
      'Return-Path: <a@example.org>\r\n',
      '',
      'X-Long: a longer prefix than the first one is\r\n',
    ]
    const recipients = prefixes.map((prefix) => toMailbox(account, 'INBOX', prefix))
    await store.queue.accept(acceptance(store, delivered, recipients))
    await append(store, id, sampleMessage(n + 10, size))
  }
  const { uids } = await store.messages.view(id)
  const twice = Uint32Array.from(uids)
  await store.messages.copy(id, twice, id)
  const all = (await store.messages.view(id)).uids
  const fetched = async (upTo?: (uid: number) => number): Promise<Buffer[]> => {
    const found: Buffer[] = []
    // Asked of each body apart: the wanted length hangs on the prefix, as a client's does.
    const want = upTo && {
      upTo: (_: unknown, prefix: Uint8Array, size: number) =>
        upTo(size - prefix.length) + (prefix.length >> 1),
    }
    for await (const batch of store.messages.fetch(id, all, { bytes: 'all', summary: true, ...want }))
      for (const bytes of batch.bytes ?? []) found.push(Buffer.from(bytes))
    return found
  }
  const wholes = await fetched()
  assert.equal(wholes.length, all.length)
  for await (const { uids: given, facts } of store.messages.fetch(id, all, { facts: true }))
    for (const row of given.keys()) assert.equal(wholes[row]?.length, facts?.sizeBytes[row])
  for (const most of [0, 2_048, 8_500, 100_000]) {
    const parts = await fetched(() => most)
    let cut = 0
    for (const [index, part] of parts.entries()) {
      const whole = wholes[index] as Buffer
      assert.ok(part.equals(whole.subarray(0, part.length)), `up to ${most} of ${all[index]}`)
      assert.ok(part.length >= Math.min(most, whole.length), `length up to ${most} of ${all[index]}`)
      if (part.length < whole.length) cut++
    }
    assert.ok(cut > 0, `none was cut to ${most}`)
  }
  for (const [index, uid] of all.entries()) {
    const whole = wholes[index] as Buffer
    const upTo = (): number => 1_000
    const want = { bytes: 'all', maxBytes: 9_000, upTo } as const
    let octets: Uint8Array | undefined
    // On a busy machine a read at once may be slow, and up to 256 behind it are left to other threads.
    for (let attempt = 0; octets === undefined && attempt < 1_000; attempt++)
      octets = store.messages.fetchNow(id, Uint32Array.of(uid), want)?.bytes?.[0]
    assert.ok(octets && whole.subarray(0, octets.length).equals(octets), `at once: ${uid}`)
    assert.ok(octets.length >= Math.min(1_000, whole.length) && octets.length <= 9_000)
  }
  for (const [index, uid] of all.entries()) {
    const piece = await store.messages.read(id, uid as Uid, 100, 7_000)
    assert.ok((wholes[index] as Buffer).subarray(100, 7_000).equals(piece as Uint8Array), `piece of ${uid}`)
  }
  await store.close()
})

test('the first part of a body that is damaged far behind it is not served', async (t) => {
  const { directory, store: before, id } = await newStore(t)
  for (const [n, size] of sizes.entries()) await append(before, id, sampleMessage(n, size))
  const { uids } = await before.messages.view(id)
  await before.close()
  spoil(directory, sampleMessage(2, sizes[2]))
  const store = await openStore({ directory })
  for (let round = 0; round < 3; round++) {
    const served: number[] = []
    const reading = async (): Promise<void> => {
      for await (const batch of store.messages.fetch(id, uids, { bytes: 'all', upTo: () => 500 }))
        served.push(...batch.uids)
    }
    for (const uid of uids) {
      const one = store.messages.fetchNow(id, Uint32Array.of(uid), { bytes: 'all', upTo: () => 500 })
      if (uid === 3) assert.equal(one, undefined)
    }
    await assert.rejects(reading, { kind: 'corrupt' })
    assert.deepEqual(served, [1, 2, 4, 5])
    await assert.rejects(store.messages.read(id, uids[2] as Uid, 0, 500), {
      kind: 'corrupt',
    })
  }
  await store.close()
})

test('a body that the disk spoils after it was verified is noticed some minutes later', async (t) => {
  const { directory, store, id } = await newStore(t)
  // The second one is read in pieces, its body verified beforehand.
  const lengths = [60_000, 900_000]
  for (const [n, size] of lengths.entries()) await append(store, id, sampleMessage(n, size))
  const parts = async (): Promise<string[]> =>
    await Promise.all(
      lengths.map(async (_, n) => {
        const octets = await store.messages.read(id, (n + 1) as Uid, 0, 500)
        return octets === undefined ? 'gone' : Buffer.from(octets).toString('latin1')
      }),
    )
  const served = await parts()
  for (const [n, size] of lengths.entries()) spoil(directory, sampleMessage(n, size))
  assert.deepEqual(await parts(), served, 'what was asked for is right, and the rest was, too')
  const now = performance.now.bind(performance)
  t.mock.method(performance, 'now', () => now() + verifiedForMs + 1)
  for (const uid of [1, 2])
    await assert.rejects(store.messages.read(id, uid as Uid, 0, 500), { kind: 'corrupt' }, `UID ${uid}`)
  await store.close()
})
