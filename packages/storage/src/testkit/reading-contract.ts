import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { Store, Uid } from '../contract.ts'
import { type ContractCase, none } from './contract-case.ts'
import {
  acceptance,
  append,
  mailboxOf,
  makeAccount,
  readAll,
  sampleMessage,
  stage,
  toMailbox,
} from './samples.ts'

export const readingContract: readonly ContractCase[] = [
  [
    'octets come back exactly, small and large, whole and in part',
    async ({ store, reopen }) => {
      const account = await makeAccount(store)
      const { id } = await mailboxOf(store, account)
      const odd = Buffer.from([0, 255, 10, 13, 10, 10, 65, 0, 200])
      const samples = [
        Buffer.alloc(0),
        odd,
        sampleMessage(1),
        sampleMessage(2, 3_000_000),
        Buffer.from('no header'),
      ]
      for (const bytes of samples) await append(store, id, bytes)
      const check = async (at: Store): Promise<void> => {
        const all = await readAll(at, id)
        samples.forEach((bytes, index) => {
          assert.ok(all.get(index + 1)?.equals(bytes), `message ${index}`)
        })
        const part = await at.messages.read(id, 4 as Uid, 1_000_000, 1_000_100)
        assert.deepEqual(Buffer.from(part as Uint8Array), samples[3]?.subarray(1_000_000, 1_000_100))
      }
      await check(store)
      await check(await reopen())
    },
  ],
  [
    'quick reads: the same octets as others get, at once; sizes without reading',
    async ({ store, reopen }) => {
      const account = await makeAccount(store)
      const { id } = await mailboxOf(store, account)
      for (let number = 0; number < 90; number++) await append(store, id, sampleMessage(number, number * 50))
      const delivered = await stage(store, sampleMessage(90))
      await store.queue.accept(acceptance(store, delivered, [toMailbox(account)]))
      await append(store, id, Buffer.alloc(0))
      await append(store, id, sampleMessage(92, 200_000))
      await store.messages.discard(id, Uint32Array.of(40))
      const check = async (at: Store): Promise<void> => {
        const all = await readAll(at, id)
        const uids = Uint32Array.from({ length: 94 }, (_, index) => index + 1)
        const quick = at.messages.quickReader(id, uids)
        const octets = (index: number): Buffer | undefined => {
          const message = quick.read(index, 150_000)
          return message && Buffer.from(message.octets)
        }
        // It may give up for a moment where the disk is slow.
        const sooner = async (index: number): Promise<Buffer | undefined> => {
          for (let attempt = 0; attempt < 300; attempt++) {
            const bytes = octets(index)
            if (bytes !== undefined) return bytes
            await setTimeout(10)
          }
          return undefined
        }
        for (const order of [[...uids.keys()], [...uids.keys()].toReversed()]) {
          for (const index of order) {
            const uid = uids[index] as number
            const expected = uid === 93 ? undefined : all.get(uid)
            const bytes = expected === undefined ? octets(index) : await sooner(index)
            assert.deepEqual(bytes, expected, `message ${uid}`)
          }
        }
        assert.equal(octets(94), undefined)
        const sizes = [...uids].map((uid) => all.get(uid)?.length ?? 0)
        const { stored, sent } = quick.sizes()!
        assert.deepEqual([...stored], sizes)
        assert.equal(sent, stored)
        assert.equal(String(await sooner(90)).startsWith('Return-Path: <>\r\nFrom:'), true)
      }
      await check(store)
      await check(await reopen())
    },
  ],
  [
    'one message at once: the batch that others get, or nothing',
    async ({ store, reopen }) => {
      const account = await makeAccount(store)
      const { id } = await mailboxOf(store, account)
      await append(store, id, sampleMessage(1, 5_000))
      const delivered = await stage(store, sampleMessage(2))
      await store.queue.accept(acceptance(store, delivered, [toMailbox(account)]))
      await append(store, id, sampleMessage(3, 50_000))
      await store.messages.discard(id, Uint32Array.of(3))
      const check = async (at: Store): Promise<void> => {
        const want = { facts: true, summary: true, bytes: 'all' } as const
        for (const uid of [1, 2]) {
          const [expected] = await Array.fromAsync(at.messages.fetch(id, Uint32Array.of(uid), want))
          let found = at.messages.fetchNow(id, Uint32Array.of(uid), want)
          // It may give up for a moment where the disk is slow.
          for (let attempt = 0; found === undefined && attempt < 300; attempt++) {
            await setTimeout(10)
            found = at.messages.fetchNow(id, Uint32Array.of(uid), want)
          }
          assert.deepEqual(found, expected)
        }
        for (const want of [{ facts: true }, { facts: true, summary: true }] as const)
          for (const uid of [1, 2]) {
            const [expected] = await Array.fromAsync(at.messages.fetch(id, Uint32Array.of(uid), want))
            assert.deepEqual(at.messages.fetchNow(id, Uint32Array.of(uid), want), expected)
          }
        const both = Uint32Array.of(1, 2)
        for (const want of [{ facts: true }, { facts: true, summary: true }] as const) {
          const [expected] = await Array.fromAsync(at.messages.fetch(id, both, want))
          assert.deepEqual(at.messages.fetchNow(id, both, want), expected)
        }
        assert.equal(at.messages.fetchNow(id, both, want), undefined, 'octets of one at a time')
        assert.equal(
          at.messages.fetchNow(id, Uint32Array.of(1, 3), { facts: true }),
          undefined,
          'one is gone',
        )
        assert.equal(
          at.messages.fetchNow(id, Uint32Array.of(1), { bytes: 'all', maxBytes: 4_000 }),
          undefined,
        )
        assert.equal(at.messages.fetchNow(id, Uint32Array.of(3), want), undefined, 'gone')
        assert.equal(at.messages.fetchNow(id, Uint32Array.of(4), want), undefined, 'not given yet')
        assert.equal(at.messages.fetchNow(99_999 as typeof id, Uint32Array.of(1), want), undefined)
      }
      await check(store)
      await check(await reopen())
    },
  ],
  [
    'a quick reader knows from where on the lines of a message are plain',
    async ({ store, reopen }) => {
      const account = await makeAccount(store)
      const { id } = await mailboxOf(store, account)
      const bodies = ['Subject: x\r\n\r\nplain\r\n', 'Subject: x\r\n\r\n.dot\r\n', 'a\nb\r\n', 'a\0\r\n', 'a']
      for (const body of bodies) await append(store, id, Buffer.from(body))
      const delivered = await stage(store, Buffer.from(bodies[0] as string))
      await store.queue.accept(acceptance(store, delivered, [toMailbox(account)]))
      const check = async (at: Store): Promise<void> => {
        const all = await readAll(at, id)
        const quick = at.messages.quickReader(id, Uint32Array.from(all.keys()))
        const rest: string[] = []
        for (let index = 0; index < all.size; ) {
          const message = quick.read(index, 10_000)
          if (message === undefined) await setTimeout(10)
          else rest[index++] = Buffer.from(message.octets.subarray(message.plainFrom)).toString()
        }
        assert.deepEqual(rest, [bodies[0], '', '', '', '', bodies[0]])
      }
      await check(store)
      await check(await reopen())
    },
  ],
  [
    'a quick reader of nothing has nothing',
    async ({ store }) => {
      const { id } = await mailboxOf(store, await makeAccount(store))
      const quick = store.messages.quickReader(id, new Uint32Array(0))
      assert.equal(quick.read(0, 1_000), undefined)
      assert.equal(quick.sizes()!.stored.length, 0)
    },
  ],
  [
    'header fetch: prefix and header block with its empty line',
    async ({ store }) => {
      const account = await makeAccount(store)
      const { id } = await mailboxOf(store, account)
      const message = await stage(store, Buffer.from('Subject: x\r\n\r\nbody'))
      await store.queue.accept(acceptance(store, message, [toMailbox(account)]))
      for await (const { bytes, prefixes } of store.messages.fetch(id, Uint32Array.of(1), {
        bytes: 'header',
      })) {
        assert.equal(String(bytes?.[0]), 'Return-Path: <>\r\nSubject: x\r\n\r\n')
        assert.equal(String(prefixes?.[0]), 'Return-Path: <>\r\n')
      }
      assert.equal(String(await store.messages.read(id, 1 as Uid, 10, 20)), 'h: <>\r\nSub')
    },
  ],
  [
    'fetch: batches ascend, missing UIDs are left out',
    async ({ store }) => {
      const account = await makeAccount(store)
      const { id } = await mailboxOf(store, account)
      const message = await Promise.all(Array.from({ length: 300 }, (_, n) => stage(store, sampleMessage(n))))
      await store.messages.append(
        id,
        message.map((each) => ({ message: each, flags: none, internalDateMs: 0 })),
      )
      await store.messages.discard(
        id,
        Uint32Array.from({ length: 100 }, (_, n) => n * 3 + 1),
      )
      const wanted = Uint32Array.from({ length: 400 }, (_, n) => n + 1)
      for (const want of [
        {},
        { facts: true },
        { summary: true },
        { bytes: 'header' },
        { bytes: 'all' },
      ] as const) {
        const uids: number[] = []
        for await (const batch of store.messages.fetch(id, wanted, want)) uids.push(...batch.uids)
        assert.deepEqual(uids, [...(await store.messages.view(id)).uids])
        assert.equal(uids.length, 200)
      }
      const few: number[] = []
      for await (const batch of store.messages.fetch(id, Uint32Array.of(2, 150, 299), {}))
        few.push(...batch.uids)
      assert.deepEqual(few, [2, 150, 299])
    },
  ],
]
