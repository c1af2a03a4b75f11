import assert from 'node:assert/strict'
import type { QueueId } from '../contract.ts'
import type { ContractCase } from './contract-case.ts'
import { acceptance, sampleMessage, stage, toRemote } from './samples.ts'

/** Changes of many messages of the queue at once. */
export const queueManyContract: readonly ContractCase[] = [
  [
    'many messages are held, released, made due, marked and removed as each would be alone',
    async ({ store }) => {
      const take = async (nowMs: number) =>
        (await store.queue.claimDue({ owner: 'o', nowMs, leaseUntilMs: nowMs + 1e6, limit: 99 })).map(
          ({ queueId }) => queueId,
        )
      const ids: QueueId[] = []
      for (let n = 0; n < 6; n++) {
        const to = [
          toRemote(`x${n}@far`, 100 + n, n % 2 === 0 ? 'even' : 'odd'),
          toRemote(`y${n}@far`, 200, 'third'),
        ]
        const given = acceptance(store, await stage(store, sampleMessage(n)), to)
        await store.queue.accept(given)
        ids.push(given.entry.queueId)
      }
      const [first, second, third, fourth] = ids as [QueueId, QueueId, QueueId, QueueId]
      const strange = 'NOTHERE' as QueueId
      const change = async (list: readonly QueueId[], kind: 'hold' | 'release' | 'remove') =>
        (await store.queue.changeMany(list, { kind })).toSorted()
      assert.deepEqual(await change([first, strange, third, first], 'hold'), [first, third].toSorted())
      assert.deepEqual(await change([first, second], 'hold'), [second])
      assert.equal(await store.queue.nextDueMs(), 103, 'what is held is not due')
      assert.deepEqual(await change([first, fourth], 'release'), [first])
      assert.equal(await store.queue.nextDueMs(), 100)
      const places = await store.queue.places(undefined, 4)
      const others = await store.queue.places(places.at(-1), 4)
      assert.deepEqual(
        [...places, ...others].map(({ queueId }) => queueId),
        (await store.queue.list()).map(({ queueId }) => queueId),
      )
      assert.equal(places.length, 4)
      assert.deepEqual(await take(50), [])
      // Held, it is released; who waits for longer is due, who is due already stays so.
      const requeued = await store.queue.changeMany([second, fourth], { kind: 'requeue', nowMs: 50 })
      assert.equal(requeued.length, 2)
      assert.deepEqual((await take(50)).toSorted(), [second, fourth].toSorted())
      const marked = await store.queue.changeMany([third, first], { kind: 'expire', nowMs: 60 })
      assert.deepEqual(marked.toSorted(), [first, third].toSorted())
      assert.deepEqual(await store.queue.changeMany([first], { kind: 'expire', nowMs: 60 }), [])
      assert.deepEqual(await take(60), [first], 'what is held waits for its release')
      assert.equal((await store.queue.get(third))?.forcedExpiry, true)
      // Claimed ones, too; what is left is found again.
      assert.deepEqual((await change([...ids.slice(0, 5), strange], 'remove')).length, 5)
      assert.equal(await store.queue.count(), 1)
      assert.equal(await store.queue.nextDueMs(), 105)
      assert.deepEqual(await take(1_000), [ids[5]])
      assert.equal(await store.queue.read(first), undefined)
      await store.queue.settle(second, [{ index: 0, kind: 'done' }])
      assert.deepEqual(await change(ids, 'remove'), [ids[5]])
      assert.equal(await store.queue.count(), 0)
      assert.equal(await store.queue.nextDueMs(), undefined)
    },
  ],
  [
    'a flush of everything makes all due in pages, several hops at once, and what is held waits',
    async ({ store }) => {
      const ids: QueueId[] = []
      for (let n = 0; n < 620; n++) {
        const given = acceptance(store, await stage(store, sampleMessage(n)), [
          toRemote(`x${n}@far`, n === 3 ? 5 : 10_000 + n, n < 600 ? 'large' : `small${n}`),
        ])
        ids.push(given.entry.queueId)
        await store.queue.accept(given)
      }
      await store.queue.changeMany(ids.slice(0, 2), { kind: 'hold' })
      for (const [domain, waiting] of [
        ['near', 3],
        ['NEAR', 1],
      ] as const)
        for (let n = 0; n < waiting; n++)
          await store.queue.accept(
            acceptance(store, await stage(store, sampleMessage(n)), [
              toRemote(`x${n}@${domain}`, 20_000, 'large'),
              toRemote(`y${n}@${domain}`, 20_000, 'other'),
            ]),
          )
      assert.equal(await store.queue.flush({ nowMs: 8, nextHop: 'large', domain: 'elsewhere' }), 0)
      assert.equal(await store.queue.flush({ nowMs: 8, nextHop: 'large', domain: 'near' }), 4)
      const near = await store.queue.claimDue({ owner: 'o', nowMs: 8, leaseUntilMs: 1e6, limit: 200 })
      assert.deepEqual(
        near
          .flatMap(({ recipients }) => recipients.map(({ address }) => address))
          .filter((address) => address !== 'x3@far')
          .toSorted(),
        ['x0@NEAR', 'x0@near', 'x1@near', 'x2@near'],
      )
      for (const { queueId } of near) await store.queue.remove(queueId)
      assert.equal(await store.queue.flush({ nowMs: 9, nextHop: 'large' }), 597)
      assert.equal(await store.queue.flush({ nowMs: 9 }), 617)
      const claimed = new Set<string>()
      for (;;) {
        const some = await store.queue.claimDue({ owner: 'o', nowMs: 9, leaseUntilMs: 1e6, limit: 200 })
        if (some.length === 0) break
        for (const { queueId } of some) claimed.add(queueId)
      }
      assert.equal(claimed.size, 617)
      assert.equal(await store.queue.nextDueMs(), undefined)
    },
  ],
]
