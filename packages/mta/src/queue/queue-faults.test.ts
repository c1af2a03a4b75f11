import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Resolver, zoneFileResolver } from '@posthorn/dns'
import { StoreError } from '@posthorn/storage'
import { type DeliveryAgent, decided } from '../delivery/attempt.ts'
import { withPeer } from './peer-fixture.ts'
import { QueueBench } from './queue-fixture.ts'

const minute = 60_000
const day = 86_400_000

/** How often the peer was asked to take mail for that name. */
const sentTo = (peer: { readonly received: readonly string[] }, name: string): number =>
  peer.received.join('').split(`RCPT TO:<${name}@far.test>`).length - 1

test('a clock put back: mail waits at worst so much longer, and is neither lost nor sent twice', async (t) => {
  const { peer, bench, to } = await withPeer(t, { 'RCPT TO:<x@far.test>': ['450 4.2.0 later', '250 Ok'] })
  await bench.accept([to('x@far.test')])
  await bench.until('deferred', () => bench.lines.some((line) => line.includes('status=deferred')))
  await bench.quiet()
  bench.nowMs -= day
  // What arrives now has nothing to do with the future.
  await bench.accept([to('y@far.test')])
  await bench.until('the other', () => peer.received.join('').includes('y@far.test'))
  await bench.quiet()
  assert.equal(await bench.store.queue.count(), 1)
  assert.deepEqual(await bench.inbox(), [], 'nobody is told of an age below zero')
  await bench.after(day + 6 * minute)
  assert.equal(await bench.store.queue.count(), 0)
  assert.equal(sentTo(peer, 'x'), 2)
})

test('a clock put forward beyond the lifetime: one more attempt, then the sender hears of it, once', async (t) => {
  const { peer, bench, to } = await withPeer(t, { 'RCPT TO:<x@far.test>': '450 4.2.0 later' })
  await bench.accept([to('x@far.test'), to('y@far.test')])
  await bench.until('deferred', () => bench.lines.some((line) => line.includes('status=deferred')))
  await bench.quiet()
  await bench.after(30 * day)
  assert.equal(await bench.store.queue.count(), 0)
  const reports = await bench.inbox()
  assert.equal(reports.length, 1)
  assert.match(reports[0] ?? '', /Final-Recipient: rfc822; x@far\.test/)
  assert.doesNotMatch(reports[0] ?? '', /Final-Recipient: rfc822; y@far\.test/)
  assert.equal(sentTo(peer, 'x'), 2)
  bench.nowMs -= 30 * day
  await bench.after(day)
  assert.equal((await bench.inbox()).length, 1)
})

test('a clock put forward by more than a lease while a message is under way repeats no delivery', async (t) => {
  const { promise: mayAnswer, resolve: answer } = Promise.withResolvers<void>()
  let begun = 0
  const slow: DeliveryAgent = async (job) => {
    begun++
    await mayAnswer
    const said = { action: 'relayed', status: '2.0.0', text: 'taken', nowMs: bench.nowMs } as const
    return job.recipients.map((recipient) => decided(recipient, said))
  }
  const bench = await QueueBench.open(t, { agents: { slow } })
  bench.steadyMs = 1_000
  bench.runner.start()
  const mail = (): ReturnType<typeof bench.recipient> =>
    bench.recipient('x@far.test', { transport: 'slow', nextHop: 'far' })
  await bench.accept([mail()])
  await bench.until('begun', () => begun === 1)
  bench.nowMs += 30 * day
  await bench.accept([mail()])
  await bench.until('the next one', () => begun === 2)
  const other = bench.worker('worker-2')
  other.start()
  other.flush()
  await other.stop(0)
  answer()
  await bench.until('both are gone', async () => (await bench.store.queue.count()) === 0)
  assert.equal(begun, 2)
})

test('a full disk when a report is due: what was delivered is not sent again, what was refused waits for its report', async (t) => {
  const { peer, bench, to } = await withPeer(t, { 'RCPT TO:<bad@far.test>': '550 5.1.1 no such user' })
  const { messages } = bench.store
  const stage = messages.stage.bind(messages)
  let full = false
  t.mock.method(messages, 'stage', (...how: Parameters<typeof stage>) => {
    if (full) throw new StoreError('no-space', 'No space left on device')
    return stage(...how)
  })
  const id = await bench.accept([to('bad@far.test'), to('good@far.test')])
  full = true
  await bench.until('tried', () => bench.lines.some((line) => line.includes('trying without reports')))
  await bench.quiet()
  const entry = await bench.store.queue.get(id)
  assert.deepEqual(
    entry?.recipients.map(({ address }) => address),
    ['bad@far.test'],
  )
  assert.deepEqual(await bench.inbox(), [])
  full = false
  await bench.after(6 * minute)
  assert.equal(await bench.store.queue.count(), 0)
  const [report = '', ...more] = await bench.inbox()
  assert.equal(more.length, 0)
  assert.match(report, /Final-Recipient: rfc822; bad@far\.test/)
  assert.equal(sentTo(peer, 'good'), 1)
})

test('DNS that does not answer defers mail for that domain alone, with 4.4.3', async (t) => {
  const zone = zoneFileResolver('')
  const asked: string[] = []
  let answer = (): void => {}
  const silence = new Promise<void>((resolve) => {
    answer = resolve
  })
  const resolver: Resolver = {
    ...zone,
    mx: async (domain) => {
      asked.push(domain)
      await silence
      return { kind: 'temporary', reason: 'timed out' }
    },
  }
  const { peer, bench, to } = await withPeer(t, {}, { delivery: { resolver } })
  const waiting = await bench.accept([bench.recipient('x@mute.test')])
  await bench.until('asked', () => asked.length > 0)
  await bench.accept([to('y@far.test')])
  await bench.until('the other', () => peer.received.join('').includes('y@far.test'))
  answer()
  await bench.quiet()
  const entry = await bench.store.queue.get(waiting)
  assert.equal(entry?.recipients[0]?.last?.status, '4.4.3')
  assert.match(
    entry?.recipients[0]?.last?.diagnostic ?? '',
    /name=mute\.test type=MX: Host not found, try again/,
  )
})
