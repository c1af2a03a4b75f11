import assert from 'node:assert/strict'
import type { Wake } from '../contract.ts'
import { type ContractCase, rejects } from './contract-case.ts'
import {
  acceptance,
  mailboxOf,
  makeAccount,
  readAll,
  sampleMessage,
  stage,
  toMailbox,
  toRemote,
} from './samples.ts'

export const queueContract: readonly ContractCase[] = [
  [
    'accept places local recipients and queues the rest; octets are shared',
    async ({ store }) => {
      const account = await makeAccount(store)
      const other = await makeAccount(store, 'bob@example.org', 1)
      const bytes = sampleMessage(1)
      const message = await stage(store, bytes)
      const given = acceptance(store, message, [
        toMailbox(account),
        toMailbox(account, 'Nowhere'),
        toMailbox(other),
        toRemote('x@remote'),
      ])
      const accepted = await store.queue.accept(given)
      assert.deepEqual(
        accepted.map(({ outcome }) => outcome),
        ['placed', 'placed', 'queued', 'queued'],
      )
      assert.equal(accepted[2]?.note?.status, '4.2.2')
      const { id } = await mailboxOf(store, account)
      assert.equal(
        (await store.messages.view(id)).uids.length,
        2,
        'a mailbox that is not there falls back to INBOX',
      )
      assert.equal(await store.queue.count(), 1)
      const entry = await store.queue.get(given.entry.queueId)
      assert.deepEqual(
        entry?.recipients.map(({ index, address }) => [index, address]),
        [
          [2, 'bob@example.org'],
          [3, 'x@remote'],
        ],
      )
      assert.ok(bytes.equals((await store.queue.read(given.entry.queueId)) as Uint8Array))
      await rejects(store.queue.accept({ ...given, message: await stage(store, bytes) }), 'in-use')
    },
  ],
  [
    'claims count the attempt, end with their lease, and are given back',
    async ({ store }) => {
      const given = acceptance(store, await stage(store, sampleMessage(1)), [
        toRemote('a@remote', 100),
        toRemote('b@remote', 100),
      ])
      await store.queue.accept(given)
      const { queueId } = given.entry
      const claim = (nowMs: number, owner = 'one', limit = 10) =>
        store.queue.claimDue({ owner, nowMs, leaseUntilMs: nowMs + 1_000, limit })
      assert.deepEqual(await claim(99), [])
      assert.equal(await store.queue.nextDueMs(), 100)
      const [entry] = await claim(100)
      assert.deepEqual(
        entry?.recipients.map(({ attempts, state }) => [attempts, state]),
        [
          [1, 'claimed'],
          [1, 'claimed'],
        ],
      )
      assert.equal(await store.queue.nextDueMs(), undefined)
      assert.deepEqual(await claim(1_000, 'two'), [])
      const [again] = await claim(1_200, 'two')
      assert.deepEqual(
        again?.recipients.map(({ attempts }) => attempts),
        [2, 2],
      )
      await store.queue.release('two')
      assert.equal((await store.queue.get(queueId))?.recipients[0]?.attempts, 1)
      const note = { status: '4.4.1', diagnostic: 'timed out', remoteMta: 'none', atMs: 5 }
      await claim(1_300)
      const settled = await store.queue.settle(queueId, [
        { index: 0, kind: 'done' },
        { index: 1, kind: 'deferred', dueMs: 9_000, note },
      ])
      assert.deepEqual(settled, { unplaced: [], removed: false })
      const left = await store.queue.get(queueId)
      assert.deepEqual(
        left?.recipients.map(({ index, attempts, last, dueMs }) => [index, attempts, last, dueMs]),
        [[1, 0, note, 9_000]],
      )
      assert.equal(await store.queue.flush({ nowMs: 2_000 }), 1)
      assert.equal(await store.queue.nextDueMs(), 2_000)
      await claim(2_000)
      assert.equal((await store.queue.settle(queueId, [{ index: 1, kind: 'done' }])).removed, true)
      assert.equal(await store.queue.count(), 0)
      assert.equal(await store.queue.get(queueId), undefined)
    },
  ],
  [
    'a message is accepted with its due recipients claimed: one unit, as if it had been claimed afterwards',
    async ({ store }) => {
      const account = await makeAccount(store)
      const octets = sampleMessage(1)
      const message = await stage(store, octets)
      const given = acceptance(store, message, [
        toRemote('now@remote', 50),
        toMailbox(account),
        toRemote('later@remote', 900),
      ])
      assert.ok(Buffer.concat(message.octets() ?? []).equals(octets))
      const claim = { owner: 'one', nowMs: 100, leaseUntilMs: 200 }
      const { accepted, claimed } = await store.queue.acceptClaimed(given, claim)
      assert.deepEqual(
        accepted.map(({ outcome }) => outcome),
        ['queued', 'placed', 'queued'],
      )
      assert.equal(message.octets(), undefined)
      const shown = claimed?.recipients.map(({ index, state, attempts }) => [index, state, attempts])
      assert.deepEqual(shown, [[0, 'claimed', 1]])
      const stored = await store.queue.get(given.entry.queueId)
      assert.deepEqual(
        stored?.recipients.map(({ state }) => state),
        ['claimed', 'queued'],
      )
      assert.equal(await store.queue.nextDueMs(), 900)
      // Its owner died: the lease ends like any other.
      const [again] = await store.queue.claimDue({ owner: 'two', nowMs: 201, leaseUntilMs: 300, limit: 9 })
      assert.deepEqual(
        again?.recipients.map(({ index, attempts }) => [index, attempts]),
        [[0, 2]],
      )
      await store.queue.settle(given.entry.queueId, [
        { index: 0, kind: 'done' },
        { index: 2, kind: 'done' },
      ])
      assert.equal(await store.queue.count(), 0)
      const held = acceptance(store, await stage(store, sampleMessage(2)), [toRemote('held@remote', 50)])
      const nobody = await store.queue.acceptClaimed({ ...held, entry: { ...held.entry, hold: true } }, claim)
      assert.equal(nobody.claimed, undefined)
    },
  ],
  [
    'a lease with a steady clock ends by it, however the clock jumps',
    async ({ store }) => {
      const given = acceptance(store, await stage(store, sampleMessage(1)), [toRemote('a@remote', 50)])
      await store.queue.accept(given)
      const claimed = async (nowMs: number, steadyMs?: number): Promise<number[]> => {
        const terms = { owner: 'one', nowMs, leaseUntilMs: nowMs + 100, limit: 9 }
        const steady = steadyMs === undefined ? {} : { steadyMs }
        const [entry] = await store.queue.claimDue({ ...terms, ...steady })
        return (entry?.recipients ?? []).map(({ attempts }) => attempts)
      }
      assert.deepEqual(await claimed(1_000, 5_000), [1])
      assert.deepEqual(await claimed(9_000_000, 5_099), [], 'set forward')
      assert.deepEqual(await claimed(500, 5_100), [], 'set back: not before it is due again')
      assert.deepEqual(await claimed(9_000_000, 5_100), [2])
      assert.deepEqual(await claimed(9_000_200), [3], 'who has no steady clock goes by the other')
    },
  ],
  [
    'settle places and makes new messages in one unit; a full mailbox is unplaced',
    async ({ store }) => {
      const account = await makeAccount(store)
      const full = await makeAccount(store, 'full@example.org', 1)
      const given = acceptance(store, await stage(store, sampleMessage(1)), [
        toRemote('a@remote'),
        toRemote('b@remote'),
      ])
      await store.queue.accept(given)
      await store.queue.claimDue({ owner: 'o', nowMs: 1, leaseUntilMs: 9, limit: 9 })
      const bounce = acceptance(store, await stage(store, sampleMessage(2)), [toMailbox(account)])
      const place = { kind: 'place', mailbox: 'INBOX', prefix: Buffer.from('X: y\r\n') } as const
      const { unplaced, removed } = await store.queue.settle(
        given.entry.queueId,
        [
          { ...place, index: 0, account: account.id },
          { ...place, index: 1, account: full.id },
        ],
        [bounce],
      )
      assert.deepEqual([unplaced, removed], [[1], false])
      const { id } = await mailboxOf(store, account)
      const all = await readAll(store, id)
      assert.ok(all.get(1)?.equals(Buffer.concat([Buffer.from('X: y\r\n'), sampleMessage(1)])))
      assert.equal(all.size, 2)
    },
  ],
  [
    'sender and prefix of a queued recipient; hold; except; remove; list pages',
    async ({ store }) => {
      const entries: string[] = []
      for (let n = 0; n < 5; n++) {
        const remote = toRemote(`u${n}@remote`, 0, n < 3 ? 'slow' : 'quick')
        const route = {
          ...remote.route,
          sender: 'owner@x',
          prefix: Buffer.from('Delivered-To: y\r\n'),
        } as typeof remote.route
        const given = acceptance(
          store,
          await stage(store, sampleMessage(n)),
          [{ ...remote, route }],
          undefined,
          1_000 + n,
        )
        entries.push(given.entry.queueId)
        await store.queue.accept(given)
      }
      const [first, , third] = entries as [never, never, never]
      const page = await store.queue.list({ limit: 2 })
      assert.deepEqual(
        page.map(({ queueId }) => queueId),
        entries.slice(0, 2),
      )
      assert.equal(page[0]?.recipients[0]?.sender, 'owner@x')
      assert.equal(String(page[0]?.recipients[0]?.prefix), 'Delivered-To: y\r\n')
      const after = page[1]?.queueId as never
      assert.equal(await store.queue.remove(after), true)
      assert.deepEqual(
        (await store.queue.list({ after })).map(({ queueId }) => queueId),
        entries.slice(2),
      )
      // For somebody who has not read the page before, the place of an entry that has gone is when it arrived.
      const gone = { after: 'GONE' as never, afterArrivedMs: page[1]?.arrivedMs ?? 0 }
      assert.deepEqual(
        (await store.queue.list(gone)).map(({ queueId }) => queueId),
        entries.slice(2),
      )
      assert.equal(await store.queue.setHold(first, 'held'), true)
      const claim = { owner: 'o', nowMs: 5, leaseUntilMs: 9, limit: 9 }
      assert.deepEqual(await store.queue.claimDue({ ...claim, exceptTransports: ['smtp'] }), [])
      const quick = await store.queue.claimDue({
        ...claim,
        except: ['slow'],
        exceptTransports: ['another'],
      })
      assert.deepEqual(quick.map(({ queueId }) => queueId).sort(), entries.slice(3).sort())
      assert.deepEqual(
        (await store.queue.claimDue(claim)).map(({ queueId }) => queueId),
        [third],
      )
      await store.queue.setHold(first, 'released')
      assert.deepEqual(
        (await store.queue.claimDue(claim)).map(({ queueId }) => queueId),
        [first],
      )
      assert.equal(await store.queue.remove('NONE' as never), false)
      assert.equal(await store.queue.expire('NONE' as never, 5), false)
      assert.equal((await store.queue.get(third))?.forcedExpiry, undefined)
      assert.equal(await store.queue.expire(third, 5), true)
      assert.equal(await store.queue.expire(third, 5), false)
      assert.equal((await store.queue.get(third))?.forcedExpiry, true)
    },
  ],
  [
    'queue ids: upper-case hexadecimal, never twice',
    async ({ store, reopen }) => {
      const ids = new Set<string>()
      for (let n = 0; n < 1_000; n++) ids.add(store.queue.newId(n))
      const again = await reopen()
      for (let n = 0; n < 1_000; n++) ids.add(again.queue.newId(n))
      assert.equal(ids.size, 2_000)
      for (const id of ids) assert.match(id, /^[0-9A-F]{10}$/)
    },
  ],
]

export const sharedContract: readonly ContractCase[] = [
  [
    'greylist: wait, pass, remember, expire, whitelist a proven network',
    async ({ store }) => {
      const rules = {
        delayMs: 60_000,
        retryWindowMs: 3_600_000,
        maxAgeMs: 86_400_000,
        autoWhitelistPasses: 2,
      }
      const triplet = (sender: string) => ({ network: '192.0.2.0/24', sender, recipient: 'r@x' })
      const attempt = (sender: string, nowMs: number) =>
        store.greylist.attempt(triplet(sender), { ...rules, nowMs })
      assert.deepEqual(await attempt('a', 0), { waitMs: 60_000, first: true, autoWhitelisted: false })
      assert.equal((await attempt('a', 10_000)).waitMs, 50_000)
      assert.equal((await attempt('a', 60_000)).waitMs, 0)
      assert.equal((await attempt('a', 90_000)).waitMs, 0)
      assert.equal((await attempt('b', 90_000)).waitMs, 60_000)
      assert.equal((await attempt('b', 160_000)).waitMs, 0)
      assert.equal((await attempt('c', 160_000)).autoWhitelisted, true)
      // Whoever is seen again and again stays known.
      const seenMs = 160_000 + rules.maxAgeMs - 1
      assert.equal((await attempt('c', seenMs)).autoWhitelisted, true)
      assert.equal((await attempt('c', seenMs + 59_999)).autoWhitelisted, true)
      assert.equal((await attempt('c', seenMs + rules.maxAgeMs)).autoWhitelisted, true)
      assert.equal((await attempt('e', seenMs + 3 * rules.maxAgeMs)).autoWhitelisted, false)
      assert.equal((await store.greylist.list()).length, 3)
      const stranger = { ...triplet('d'.repeat(9_000)), network: '198.51.100.0/24' }
      assert.equal((await store.greylist.attempt(stranger, { ...rules, nowMs: -5 })).first, true)
      assert.ok((await store.greylist.expire(1e12, rules.retryWindowMs, rules.maxAgeMs)) >= 3)
      assert.equal((await store.greylist.list()).length, 0)
    },
  ],
  [
    'counters add up within their window; locks exclude',
    async ({ store }) => {
      assert.equal(await store.counters.add('k', 2, 1_000, 500), 2)
      assert.equal(await store.counters.add('k', 3, 1_400, 500), 5)
      assert.equal(await store.counters.get('k', 1_499), 5)
      assert.equal(await store.counters.get('k', 1_500), 0)
      await store.counters.add('k', 1, 2_000, 500)
      await store.counters.reset('k')
      assert.equal(await store.counters.get('k', 2_001), 0)
      await store.counters.add('x'.repeat(5_000), 1, 0, 10)
      const release = await store.locks.acquire('maildrop 1', 'session 1')
      assert.ok(release)
      assert.equal(await store.locks.acquire('maildrop 1', 'session 2'), undefined)
      assert.ok(await store.locks.acquire('maildrop 2', 'session 2'))
      await release()
      const second = await store.locks.acquire('maildrop 1', 'session 2')
      assert.ok(second)
      await release()
      assert.equal(
        await store.locks.acquire('maildrop 1', 'session 3'),
        undefined,
        'a stale release frees nothing',
      )
    },
  ],
  [
    'watch tells of mailboxes, queue and accounts; a failing listener harms nobody',
    async ({ store }) => {
      const wakes: Wake['kind'][] = []
      store.watch(() => {
        throw new Error('listener')
      })
      const stop = store.watch(({ kind }) => wakes.push(kind))
      process.once('warning', () => {})
      const account = await makeAccount(store)
      await store.mailboxes.create(account.id, 'new')
      await store.queue.accept(acceptance(store, await stage(store, sampleMessage(1)), [toRemote('a@b')]))
      assert.deepEqual(wakes, ['accounts', 'mailboxes', 'queue'])
      stop()
    },
  ],
]
