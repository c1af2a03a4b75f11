import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DeliveryAgent, decided } from '../delivery/attempt.ts'
import { defaultDestinationLimits } from './options.ts'
import { withPeer } from './peer-fixture.ts'
import { QueueBench } from './queue-fixture.ts'

const minute = 60_000

test('initial_destination_concurrency: a new destination gets few at a time, more as they succeed', async (t) => {
  let running = 0
  const seen: number[] = []
  const slow: DeliveryAgent = async ({ recipients }) => {
    seen.push(++running)
    await new Promise((resolve) => setTimeout(resolve, 5))
    running--
    return recipients.map((recipient) =>
      decided(recipient, { action: 'delivered', status: '2.0.0', text: 'ok', nowMs: bench.nowMs }),
    )
  }
  const limits = { ...defaultDestinationLimits, initialConcurrency: 2, concurrency: 6 }
  const bench = await QueueBench.open(t, { agents: { slow }, options: { limitsOf: () => limits } })
  for (let i = 0; i < 60; i++) await bench.accept([bench.recipient(`${i}@y`, { transport: 'slow' })])
  bench.runner.start()
  await bench.until('all', async () => (await bench.store.queue.count()) === 0)
  assert.equal(Math.max(...seen.slice(0, 2)), 2)
  assert.ok(Math.max(...seen) > 2 && Math.max(...seen) <= 6, `${Math.max(...seen)} at once`)
})

test('default_destination_rate_delay: one after the other, with a pause; others do not wait', async (t) => {
  const times: number[] = []
  const slow: DeliveryAgent = async ({ recipients, nextHop }) => {
    if (nextHop === 'y') times.push(performance.now())
    return recipients.map((recipient) =>
      decided(recipient, { action: 'delivered', status: '2.0.0', text: 'ok', nowMs: bench.nowMs }),
    )
  }
  const limits = { ...defaultDestinationLimits, rateDelayMs: 40, recipients: 1 }
  const bench = await QueueBench.open(t, {
    agents: { slow },
    options: {
      limitsOf: (transport) => (transport === 'slow' ? limits : defaultDestinationLimits),
    },
  })
  const slowly = (address: string) => bench.recipient(address, { transport: 'slow', nextHop: 'y' })
  await bench.accept([slowly('1@y'), slowly('2@y')])
  for (let i = 3; i < 5; i++) await bench.accept([slowly(`${i}@y`)])
  bench.runner.start()
  await bench.until('all', async () => (await bench.store.queue.count()) === 0)
  assert.equal(times.length, 4)
  for (let i = 1; i < times.length; i++)
    assert.ok((times[i] as number) - (times[i - 1] as number) >= 38, `pause of ${times}`)
})

test('transport_rate_delay: one after the other wherever they go; other transports do not wait', async (t) => {
  const times: number[] = []
  let quick = 0
  const agent: DeliveryAgent = async ({ recipients, transport }) => {
    if (transport === 'slow') times.push(performance.now())
    else quick++
    return recipients.map((recipient) =>
      decided(recipient, { action: 'delivered', status: '2.0.0', text: 'ok', nowMs: bench.nowMs }),
    )
  }
  const limits = { ...defaultDestinationLimits, transportRateDelayMs: 200 }
  const bench = await QueueBench.open(t, {
    agents: { slow: agent, other: agent },
    options: {
      limitsOf: (transport) => (transport === 'slow' ? limits : defaultDestinationLimits),
    },
  })
  const slowly = (address: string) => bench.recipient(address, { transport: 'slow' })
  await bench.accept([slowly('a@one.test'), slowly('b@one.test'), slowly('c@two.test')])
  await bench.accept([slowly('d@three.test')])
  for (let i = 0; i < 20; i++) await bench.accept([bench.recipient(`${i}@one.test`, { transport: 'other' })])
  bench.runner.start()
  await bench.until('the others', () => quick === 20)
  const left = times.length
  await bench.until('all', async () => (await bench.store.queue.count()) === 0)
  // The two of one.test share a delivery.
  assert.equal(times.length, 3)
  assert.ok(left < 3, 'nobody waits for the slow one')
  for (let i = 1; i < times.length; i++)
    assert.ok((times[i] as number) - (times[i - 1] as number) >= 198, `pause of ${times}`)
})

test('a lease that ends before the turn comes: the mail is due as before, and goes once', async (t) => {
  const sent: string[] = []
  const slow: DeliveryAgent = async ({ recipients, signal }) =>
    recipients.map((recipient) => {
      sent.push(signal.aborted ? 'behind the end of its lease' : recipient.address)
      return decided(recipient, { action: 'delivered', status: '2.0.0', text: 'ok', nowMs: bench.nowMs })
    })
  const limits = { ...defaultDestinationLimits, transportRateDelayMs: 150 }
  const bench = await QueueBench.open(t, {
    agents: { slow },
    options: { limitsOf: () => limits, leaseMs: 400 },
  })
  const addresses = Array.from({ length: 6 }, (_, n) => `u@d${n}.test`)
  await bench.accept(addresses.map((address) => bench.recipient(address, { transport: 'slow' })))
  bench.runner.start()
  await bench.until('all', async () => (await bench.store.queue.count()) === 0)
  assert.deepEqual(sent.toSorted(), addresses)
})

test('soft_bounce: nothing is refused for ever; defer_transports wait until they are asked for', async (t) => {
  const { peer, bench, to } = await withPeer(
    t,
    { 'RCPT TO:<x@far.test>': '550 5.1.1 no such user' },
    { options: { softBounce: 'yes', deferTransports: ['relay'] } },
  )
  const soft = await bench.accept([to('x@far.test')])
  const { nextHop } = to('x').route as { nextHop: string }
  const waits = await bench.accept([bench.recipient('z@far.test', { transport: 'relay', nextHop })])
  await bench.quiet()
  const note = async (id: typeof soft) => (await bench.store.queue.get(id))?.recipients[0]?.last?.status
  assert.deepEqual([await note(soft), await note(waits)], ['4.1.1', '4.3.2'])
  assert.deepEqual(await bench.inbox(), [])
  await bench.store.queue.flush({ nowMs: bench.nowMs, queueId: waits })
  await bench.until('sent', () => peer.received.join('').includes('RCPT TO:<z@far.test>'))
})

test('confirm_delay_cleared: who was told of a delay hears of its end', async (t) => {
  const { bench, to } = await withPeer(
    t,
    { 'RCPT TO:<x@far.test>': ['450 4.2.0 later', '450 4.2.0 later', '250 ok'] },
    { options: { confirmDelayCleared: 'yes', delayWarningMs: 5 * minute } },
  )
  await bench.accept([to('x@far.test')])
  await bench.quiet()
  await bench.after(6 * minute)
  await bench.after(20 * minute)
  await bench.until('both', async () => (await bench.inbox()).length === 2)
  const [warning = '', cleared = ''] = await bench.inbox()
  assert.match(warning, /Action: delayed/)
  assert.match(cleared, /Action: relayed/)
})

test('postsuper -e: what waits comes back at once with its reason, what is held when it is released', async (t) => {
  const { bench, peer, to } = await withPeer(t, { 'RCPT TO:<x@far.test>': '450 4.2.0 later' })
  const waiting = await bench.accept([to('x@far.test')])
  await bench.until('deferred', () => bench.lines.some((line) => line.includes('status=deferred')))
  await bench.quiet()
  const fresh = await bench.accept([to('y@far.test')], { hold: true })
  const connections = peer.connections
  for (const id of [waiting, fresh]) await bench.store.queue.expire(id, bench.nowMs)
  await bench.until('returned', async () => (await bench.store.queue.get(waiting)) === undefined)
  await bench.quiet()
  assert.equal((await bench.store.queue.get(fresh))?.hold, true)
  await bench.store.queue.setHold(fresh, 'released')
  await bench.after(minute)
  assert.equal(await bench.store.queue.get(fresh), undefined)
  const log = bench.lines.join('\n')
  assert.equal(log.match(/status=force-expired, returned to sender/g)?.length, 2)
  assert.equal(peer.connections, connections, 'nothing is tried')
  const reports = (await bench.inbox()).join('\n')
  assert.match(reports, /450 4\.2\.0 later/)
  assert.match(reports, /message is administratively expired/)
})

test('a slow destination with more mail than there are places holds up nobody else', async (t) => {
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const quick: string[] = []
  const agent: DeliveryAgent = async ({ recipients, nextHop }) => {
    if (nextHop === 'slow.test') await gate
    else for (const { address } of recipients) quick.push(address)
    return recipients.map((recipient) =>
      decided(recipient, { action: 'delivered', status: '2.0.0', text: 'ok', nowMs: bench.nowMs }),
    )
  }
  const bench = await QueueBench.open(t, { agents: { agent }, options: { deliveries: 30 } })
  for (let n = 0; n < 120; n++)
    await bench.accept([bench.recipient(`${n}@slow.test`, { transport: 'agent' })])
  bench.runner.start()
  await bench.until('busy', () => bench.runner.active >= 20)
  for (let n = 0; n < 40; n++)
    await bench.accept([bench.recipient(`${n}@quick${n % 8}.test`, { transport: 'agent' })])
  await bench.until('all quick mail', () => quick.length === 40)
  release()
  await bench.until('all', async () => (await bench.store.queue.count()) === 0)
})
