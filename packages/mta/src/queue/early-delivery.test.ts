import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NewRecipient } from '@posthorn/storage'
import { type DeliveryAgent, decided } from '../delivery/attempt.ts'
import { acceptMessage } from '../receive/accept-message.ts'
import { Destinations } from './destinations.ts'
import { defaultDestinationLimits } from './options.ts'
import { QueueBench } from './queue-fixture.ts'

/** What the other server says: at once, or when it is told to. */
const remote = () => {
  const state = { calls: 0, status: '2.0.0', waits: false, go: () => {} }
  const deliver: DeliveryAgent = async ({ recipients }) => {
    state.calls++
    if (state.waits)
      await new Promise<void>((resolve) => {
        state.go = resolve
      })
    const { status } = state
    const action = status.startsWith('2') ? 'relayed' : status.startsWith('4') ? 'delayed' : 'failed'
    return recipients.map((one) => decided(one, { action, status, text: 'said so', nowMs: 0 }))
  }
  return { state, deliver }
}

const to = (bench: QueueBench, address: string, more: Partial<NewRecipient> = {}): NewRecipient =>
  bench.recipient(address, { transport: 'far', nextHop: 'far', ...more })

/** Receives a message as a session does. */
const arrive = async (bench: QueueBench, ...recipients: readonly NewRecipient[]) => {
  const writer = bench.store.messages.stage()
  await writer.write(Buffer.from('Subject: early\r\n\r\nhello\r\n'))
  const queueId = bench.store.queue.newId(bench.nowMs)
  const plan = recipients.map((recipient) => ({ recipient, originalTo: recipient.address }))
  const reply = await acceptMessage(
    {
      queueId,
      sender: 'local@us.test',
      recipients: recipients.map(({ address }) => ({ address })),
      options: {},
      origin: { clientName: 'c', clientAddress: '192.0.2.1', helo: 'c', protocol: 'ESMTP' },
      arrivedMs: bench.nowMs,
      hold: 'free',
      facts: { deliveredTo: [], hops: 0, messageId: '<m@c>' } as never,
    },
    await writer.finish(),
    {
      store: bench.store,
      routing: {
        plan: async () => plan.map((one) => ({ ...one, deliveredTo: undefined })),
        complete: (address: string) => address,
        envelopeRules: undefined,
      } as never,
      log: (event) => bench.lines.push(`${event.service}: ${event.queueId}: ${event.text}`),
      now: () => bench.nowMs,
      direct: bench.runner,
    },
  )
  return { queueId, code: reply.code }
}

/** How many messages the store has been given. */
const stored = (bench: QueueBench): { count: number } => {
  const seen = { count: 0 }
  const { queue } = bench.store
  const { accept, acceptClaimed } = queue
  Object.assign(queue, {
    accept: (...args: Parameters<typeof accept>) => accept.call(queue, ...args).finally(() => seen.count++),
    acceptClaimed: (...args: Parameters<typeof acceptClaimed>) =>
      acceptClaimed.call(queue, ...args).finally(() => seen.count++),
  })
  return seen
}

/** A runner that has seen its destination answer at once. */
const warm = async (t: Parameters<typeof QueueBench.open>[0]) => {
  const { state, deliver } = remote()
  const bench = await QueueBench.open(t, { agents: { far: deliver } })
  bench.runner.start()
  const accepted = stored(bench)
  await arrive(bench, to(bench, 'first@far'))
  await bench.quiet()
  assert.equal(accepted.count, 1, 'nobody knows yet how quick it is')
  // A machine that was held up may have taken it for slow.
  for (let early = 0, tries = 0; early < 3; tries++) {
    assert.ok(tries < 50, 'never found quick')
    const before = accepted.count
    await arrive(bench, to(bench, 'again@far'))
    early = accepted.count === before ? early + 1 : 0
    await bench.quiet()
  }
  accepted.count = 0
  state.calls = 0
  bench.lines.length = 0
  return { bench, state, accepted }
}

test('a quick destination has the message before its client has the 250, and nothing is stored', async (t) => {
  const { bench, state, accepted } = await warm(t)
  const { queueId, code } = await arrive(bench, to(bench, 'a@far'), to(bench, 'b@far'))
  assert.equal(code, 250)
  assert.deepEqual([state.calls, accepted.count], [1, 0])
  assert.deepEqual(
    bench.lines.map((line) => line.replaceAll(queueId, 'ID').replace(/ delay=.*?dsn/, ' dsn')),
    [
      'cleanup: ID: message-id=<m@c>',
      'qmgr: ID: from=<local@us.test>, size=25, nrcpt=2 (queue active)',
      'far: ID: to=<a@far>, relay=none, dsn=2.0.0, status=sent (said so)',
      'far: ID: to=<b@far>, relay=none, dsn=2.0.0, status=sent (said so)',
      'qmgr: ID: removed',
    ],
  )
  assert.equal(await bench.store.queue.count(), 0)
})

test('early_delivery = no: the same message is stored first', async (t) => {
  const { bench, state, accepted } = await warm(t)
  bench.options = { ...bench.options, earlyDelivery: 'no' }
  const { code } = await arrive(bench, to(bench, 'a@far'))
  assert.deepEqual([code, accepted.count], [250, 1])
  await bench.until('gone', async () => (await bench.store.queue.count()) === 0)
  assert.equal(state.calls, 1)
})

test('a client does not wait long for a server that says nothing: the message is accepted, and sent once', async (t) => {
  const { bench, state, accepted } = await warm(t)
  state.waits = true
  const { queueId, code } = await arrive(bench, to(bench, 'a@far'))
  assert.deepEqual([code, state.calls, accepted.count], [250, 1, 1])
  const entry = await bench.store.queue.get(queueId)
  assert.equal(entry?.recipients[0]?.state, 'claimed')
  state.go()
  await bench.until('gone', async () => (await bench.store.queue.count()) === 0)
  await bench.until('told', () => bench.lines.at(-1) === `qmgr: ${queueId}: removed`)
  assert.equal(state.calls, 1)
})

test('what the server refuses is accepted all the same: 4yz waits, 5yz comes back', async (t) => {
  const { bench, state, accepted } = await warm(t)
  state.status = '4.2.0'
  const waiting = await arrive(bench, to(bench, 'a@far'))
  assert.deepEqual([waiting.code, state.calls, accepted.count], [250, 1, 1])
  await bench.until('deferred', async () => (await bench.store.queue.nextDueMs()) !== undefined)
  const [recipient] = (await bench.store.queue.get(waiting.queueId))?.recipients ?? []
  assert.deepEqual([recipient?.state, recipient?.attempts, recipient?.last?.status], ['queued', 0, '4.2.0'])
  state.status = '5.1.1'
  const failed = await arrive(bench, to(bench, 'b@far'))
  assert.equal(failed.code, 250)
  await bench.until('returned', () =>
    bench.lines.some((line) => line.includes(`${failed.queueId}: sender non-delivery notification`)),
  )
})

test('a report of success, mail on two ways and large mail are stored first', async (t) => {
  const { bench, accepted } = await warm(t)
  await arrive(bench, to(bench, 'a@far', { notify: ['SUCCESS'] }))
  assert.equal(accepted.count, 1)
  await arrive(bench, to(bench, 'a@far'), bench.recipient('b@us.test', { transport: 'discard', nextHop: '' }))
  assert.equal(accepted.count, 2)
  const offer = bench.runner.offer([to(bench, 'a@far')])
  const entry = {
    queueId: bench.store.queue.newId(bench.nowMs),
    sender: '',
    recipients: [to(bench, 'a@far')],
    options: {},
    origin: { clientName: 'c', clientAddress: '192.0.2.1', helo: 'c', protocol: 'ESMTP' },
    arrivedMs: bench.nowMs,
  }
  assert.equal(offer?.early(entry, [Buffer.alloc(200_000)]), undefined)
  offer?.withdraw()
  await bench.quiet()
})

test('a runner that stops waits for what began early, and what was stored meanwhile is recorded', async (t) => {
  const { bench, state } = await warm(t)
  state.waits = true
  const { queueId } = await arrive(bench, to(bench, 'a@far'))
  const stopped = bench.runner.stop(60_000)
  state.go()
  await stopped
  await bench.until('recorded', async () => (await bench.store.queue.get(queueId)) === undefined)
  assert.equal(state.calls, 1)
})

test('a destination is quick while it answers soon, rests never, and few wait for it', () => {
  const limits = { ...defaultDestinationLimits, concurrency: 2, initialConcurrency: 2 }
  const destinations = new Destinations()
  assert.equal(destinations.isQuick('d', limits), false, 'unknown')
  destinations.took('d', 40)
  assert.equal(destinations.isQuick('d', limits), true)
  assert.equal(destinations.isQuick('d', { ...limits, rateDelayMs: 1_000 }), false)
  for (let n = 0; n < 7; n++) void destinations.enter('d', limits)
  // Five wait; 40 ms each, two at a time.
  assert.equal(destinations.isQuick('d', limits), true)
  void destinations.enter('d', limits)
  assert.equal(destinations.isQuick('d', limits), false)
  destinations.took('e', 10)
  destinations.took('e', 1_000)
  assert.equal(destinations.isQuick('e', limits), false)
  for (let n = 0; n < 20; n++) destinations.took('e', 10)
  assert.equal(destinations.isQuick('e', limits), true)
  destinations.failed('e', { sinceMs: 0, untilMs: 1, status: '4.4.1', text: '' })
  assert.equal(destinations.isQuick('e', limits), false)
})
