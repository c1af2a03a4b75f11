import assert from 'node:assert/strict'
import type { QueueId } from '../contract.ts'
import { type ContractCase, rejects } from './contract-case.ts'
import { acceptance, sampleMessage, stage, toRemote } from './samples.ts'

/** Messages with many recipients elsewhere. */
export const queueLargeContract: readonly ContractCase[] = [
  [
    'a message with many recipients puts each next hop in its place, as often as it is named',
    async ({ store }) => {
      const accept = async (dues: readonly (readonly [hop: string, dueMs: number])[]) => {
        const to = dues.map(([hop, dueMs], n) => toRemote(`u${n}@${hop}`, dueMs, hop))
        const given = acceptance(store, await stage(store, sampleMessage(1)), to)
        await store.queue.accept(given)
        return given.entry.queueId
      }
      const take = async (nowMs: number) =>
        (await store.queue.claimDue({ owner: 'o', nowMs, leaseUntilMs: nowMs + 1e6, limit: 99 })).map(
          ({ queueId, recipients }) => [queueId, recipients.map(({ index }) => index)],
        )
      const first = await accept([
        ['a', 300],
        ['b', 500],
        ['a', 200],
        ['a', 400],
      ])
      assert.equal(await store.queue.nextDueMs(), 200, 'the earliest of a hop counts, wherever it stands')
      const second = await accept([
        ['b', 450],
        ['a', 250],
        ['c', 900],
        ['b', 100],
      ])
      assert.equal(await store.queue.nextDueMs(), 100)
      assert.deepEqual(await take(100), [[second, [3]]])
      assert.equal(await store.queue.nextDueMs(), 200, 'a later one has not moved the hop')
      assert.deepEqual(await take(260), [
        [first, [2]],
        [second, [1]],
      ])
      assert.deepEqual(new Map((await take(900)) as [string, number[]][]).get(first), [0, 1, 3])
      assert.equal(await store.queue.nextDueMs(), undefined)
    },
  ],
  [
    'a unit that fails leaves nothing of the messages that it had accepted',
    async ({ store }) => {
      const origin = acceptance(store, await stage(store, sampleMessage(1)), [toRemote('x@far', 100, 'far')])
      await store.queue.accept(origin)
      const many = Array.from({ length: 50 }, (_, n) => toRemote(`u${n}@new`, n, `hop${n % 7}`))
      const made = acceptance(store, await stage(store, sampleMessage(2)), [
        ...many,
        toRemote('y@far', 50, 'far'),
      ])
      const again = acceptance(store, await stage(store, sampleMessage(3)), many, made.entry.queueId)
      const { queueId } = origin.entry
      await rejects(store.queue.settle(queueId, [{ index: 0, kind: 'done' }], [made, again]), 'in-use')
      assert.equal(await store.queue.get(made.entry.queueId), undefined)
      assert.equal(await store.queue.count(), 1)
      assert.equal(await store.queue.nextDueMs(), 100)
      const entries = await store.queue.claimDue({ owner: 'o', nowMs: 1e6, leaseUntilMs: 2e6, limit: 999 })
      assert.deepEqual(
        entries.map((entry) => [entry.queueId, entry.recipients.length]),
        [[queueId, 1]],
      )
      await store.queue.accept({ ...made, message: await stage(store, sampleMessage(2)) })
      assert.equal((await store.queue.get(made.entry.queueId))?.recipients.length, 51)
    },
  ],
  [
    'a message with thousands of recipients is removed and flushed in steps, others beside it',
    async ({ store }) => {
      const accept = async (count: number) => {
        const to = Array.from({ length: count }, (_, n) => toRemote(`u${n}@far`, 900, `hop${n % 9}`))
        const given = acceptance(store, await stage(store, sampleMessage(count)), to)
        await store.queue.accept(given)
        return given.entry.queueId
      }
      const small = await accept(3)
      const large = await accept(2_345)
      // As many as one step removes, and one more.
      const whole = await accept(500)
      const over = await accept(501)
      const stays = await accept(2)
      assert.equal(await store.queue.flush({ nowMs: 100, queueId: large }), 2_345)
      assert.equal(await store.queue.nextDueMs(), 100)
      const claim = { owner: 'o', nowMs: 100, leaseUntilMs: 1e6, limit: 100 }
      const [claimed] = await store.queue.claimDue(claim)
      assert.equal(claimed?.recipients.length, 100)
      const seen = new Set<number>()
      const ids: QueueId[] = [large, whole, over, small, large]
      const removing = store.queue.changeMany(ids, { kind: 'remove' })
      let isOver = false
      const end = removing.finally(() => {
        isOver = true
      })
      while (!isOver) {
        const entry = await store.queue.get(large)
        seen.add(entry?.recipients.length ?? 0)
        if (entry !== undefined)
          assert.ok(entry.recipients.length > 0, 'a message that is there has a recipient')
        await new Promise((resolve) => setImmediate(resolve))
      }
      assert.deepEqual((await end).toSorted(), [small, large, whole, over].toSorted())
      assert.ok(seen.size > 2, 'in steps')
      // What was being delivered is settled in vain.
      assert.deepEqual(await store.queue.settle(large, [{ index: 0, kind: 'done' }]), {
        unplaced: [],
        removed: true,
      })
      assert.equal(await store.queue.count(), 1)
      assert.equal(await store.queue.read(large), undefined)
      assert.deepEqual(await store.queue.changeMany(ids, { kind: 'remove' }), [])
      const last = await store.queue.claimDue({ ...claim, nowMs: 1_000 })
      assert.deepEqual(
        last.map(({ queueId, recipients }) => [queueId, recipients.length]),
        [[stays, 2]],
      )
      assert.equal(await store.queue.nextDueMs(), undefined)
    },
  ],
]
