import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NewRecipient } from '@posthorn/storage'
import { type DeliveryAgent, decided } from '../delivery/attempt.ts'
import { defaultDestinationLimits } from './options.ts'
import { QueueBench } from './queue-fixture.ts'

/** Accepts as a session does: with a place among the deliveries when there is one. */
const arrive = async (bench: QueueBench, ...recipients: readonly NewRecipient[]) => {
  const writer = bench.store.messages.stage()
  await writer.write(Buffer.from('Subject: direct\r\n\r\nhello\r\n'))
  const message = await writer.finish()
  const queueId = bench.store.queue.newId(bench.nowMs)
  const origin = { clientName: 'c', clientAddress: '192.0.2.1', helo: 'c', protocol: 'ESMTP' }
  const entry = { queueId, sender: '', recipients, options: {}, origin, arrivedMs: bench.nowMs }
  const offer = bench.runner.offer(recipients)
  if (offer === undefined) {
    await bench.store.queue.accept({ message, entry })
    return 'queued'
  }
  const octets = message.octets()
  const { claimed } = await bench.store.queue.acceptClaimed({ message, entry }, offer)
  if (claimed === undefined) offer.withdraw()
  else offer.begin(claimed, octets)
  return 'direct'
}

/** An agent that says what came, and answers when it is told to. */
const slowAgent = () => {
  const seen: string[] = []
  const ends: (() => void)[] = []
  const deliver: DeliveryAgent = async ({ recipients, content }) => {
    const pieces: Uint8Array[] = []
    for await (const piece of content()) pieces.push(piece)
    seen.push(`${recipients.map(({ address }) => address).join()} ${Buffer.concat(pieces).length}`)
    await new Promise<void>((resolve) => ends.push(resolve))
    return recipients.map((one) =>
      decided(one, { action: 'relayed', status: '2.0.0', text: 'taken', nowMs: 0 }),
    )
  }
  return { seen, ends, deliver }
}

const single = { ...defaultDestinationLimits, concurrency: 1, initialConcurrency: 1 }
const to = (bench: QueueBench, address: string): NewRecipient =>
  bench.recipient(address, { transport: 'slow', nextHop: 'far' })

test('mail that comes in leaves without being looked for or read again', async (t) => {
  const { seen, ends, deliver } = slowAgent()
  const bench = await QueueBench.open(t, { agents: { slow: deliver } })
  assert.equal(bench.runner.offer([to(bench, 'a@far')]), undefined, 'nobody delivers yet')
  const { queue } = bench.store
  const { claimDue, nextDueMs, read } = queue
  let looks = 0
  Object.assign(queue, {
    nextDueMs: () => nextDueMs.call(queue).finally(() => looks++),
  })
  bench.runner.start()
  await bench.until('what was there has been looked for', () => looks === 1)
  Object.assign(queue, {
    claimDue: async () => assert.fail('looked for'),
    read: async () => assert.fail('read'),
  })
  assert.equal(await arrive(bench, to(bench, 'a@far')), 'direct')
  await bench.until('sent', () => ends.length === 1)
  Object.assign(queue, { claimDue, nextDueMs, read })
  assert.deepEqual(seen, ['a@far 26'])
  ends[0]?.()
  await bench.until('gone', async () => (await bench.store.queue.count()) === 0)
  await bench.until('told', () => bench.logged('qmgr').length > 0)
  assert.deepEqual(bench.logged('qmgr'), ['qmgr: ID: removed'])
})

test('what is over a place, for later, deferred or many waits in the queue', async (t) => {
  const { ends, deliver } = slowAgent()
  const bench = await QueueBench.open(t, { agents: { slow: deliver }, options: { limitsOf: () => single } })
  bench.runner.start()
  const later = bench.recipient('later@far', { transport: 'slow' })
  const due = { ...later, route: { ...later.route, dueMs: bench.nowMs + 1 } } as NewRecipient
  assert.equal(bench.runner.offer([due]), undefined)
  const many = Array.from({ length: 21 }, (_, n) => to(bench, `u${n}@far`))
  assert.equal(bench.runner.offer(many), undefined)
  bench.options = { ...bench.options, deferTransports: ['slow'] }
  assert.equal(bench.runner.offer([to(bench, 'a@far')]), undefined)
  bench.options = { ...bench.options, deferTransports: [] }
  const ways = []
  for (const name of ['a', 'b', 'c', 'd']) ways.push(await arrive(bench, to(bench, `${name}@far`)))
  // One is on its way, one may wait for its turn; then it is for the queue, and nobody passes that by.
  assert.deepEqual(ways, ['direct', 'direct', 'queued', 'queued'])
  for (let n = 0; n < 4; n++) {
    await bench.until(`delivery ${n}`, () => ends.length > n)
    ends[n]?.()
  }
  await bench.until('all gone', async () => (await bench.store.queue.count()) === 0)
  await bench.until('nobody runs', () => bench.runner.active === 0)
})

test('a destination found dead gets no more; a place that was not used is free again', async (t) => {
  const dead: DeliveryAgent = async ({ recipients }) =>
    recipients.map((one) => ({
      ...decided(one, { action: 'delayed', status: '4.4.1', text: 'refused', nowMs: 0 }),
      destinationDead: true as const,
    }))
  const bench = await QueueBench.open(t, {
    agents: { slow: dead },
    options: { deliveries: 1, limitsOf: () => single },
  })
  bench.runner.start()
  const offer = bench.runner.offer([to(bench, 'a@far')])
  assert.equal(bench.runner.offer([to(bench, 'a@far')]), undefined, 'all deliveries are taken')
  offer?.withdraw()
  assert.equal(await arrive(bench, to(bench, 'a@far')), 'direct')
  await bench.until('deferred', async () => (await bench.store.queue.nextDueMs()) !== undefined)
  await bench.until('over', () => bench.runner.active === 0)
  assert.equal(bench.runner.offer([to(bench, 'b@far')]), undefined)
  await bench.runner.stop(0)
  assert.equal(bench.runner.offer([to(bench, 'b@elsewhere')]), undefined, 'stopped')
})

test('what was accepted while the runner stopped is given back', async (t) => {
  const bench = await QueueBench.open(t, { agents: { slow: slowAgent().deliver } })
  bench.runner.start()
  const recipients = [to(bench, 'a@far')]
  const offer = bench.runner.offer(recipients)
  assert.ok(offer)
  await bench.runner.stop(0)
  const writer = bench.store.messages.stage()
  const message = await writer.finish()
  const origin = { clientName: 'c', clientAddress: '192.0.2.1', helo: 'c', protocol: 'ESMTP' }
  const queueId = bench.store.queue.newId(bench.nowMs)
  const entry = { queueId, sender: '', recipients, options: {}, origin, arrivedMs: bench.nowMs }
  const { claimed } = await bench.store.queue.acceptClaimed({ message, entry }, offer)
  assert.ok(claimed)
  offer.begin(claimed, undefined)
  await bench.until('free', async () => (await bench.store.queue.nextDueMs()) === bench.nowMs)
  const left = await bench.store.queue.get(queueId)
  assert.deepEqual([left?.recipients[0]?.state, left?.recipients[0]?.attempts], ['queued', 0])
})
