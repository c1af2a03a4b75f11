import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { type DeliveryAgent, decided } from '../delivery/attempt.ts'
import { defaultDestinationLimits } from './options.ts'
import { withPeer } from './peer-fixture.ts'
import { QueueBench } from './queue-fixture.ts'

const minute = 60_000

test('a message is sent, logged as Postfix does, and removed', async (t) => {
  const { peer, bench, to } = await withPeer(t, {})
  const id = await bench.accept([to('x@far.test')])
  await bench.until('removed', () => bench.lines.some((line) => line.endsWith('removed')))
  assert.deepEqual(
    bench.lines.map((line) => line.replaceAll(id, 'ID').replace(/delays=[^ ]+/, 'delays=D')),
    [
      `smtp: ID: to=<x@far.test>, relay=127.0.0.1[127.0.0.1]:${peer.port}, delay=0, delays=D dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as PEER)`,
      'qmgr: ID: removed',
    ],
  )
  assert.equal(await bench.store.queue.get(id), undefined)
  assert.match(peer.received[0] ?? '', /DATA\r\nSubject: test\r\n\r\nhello\r\n\.\r\n/)
})

test('RFC 5321 §6.3: more than hopcount_limit Received fields is a loop', async (t) => {
  const { peer, bench, to } = await withPeer(t, {})
  await bench.accept([to('x@far.test')], {
    content: `${'Received: from x\r\n by y\r\n'.repeat(51)}\r\nhello\r\n`,
  })
  await bench.until('bounce', async () => (await bench.inbox()).length === 1)
  assert.match((await bench.inbox())[0] ?? '', /Status: 5\.4\.6/)
  assert.equal(peer.connections, 0)
})

test('a peer that breaks before 250: deferred, sent again later, no second server in between', async (t) => {
  const { peer, bench, to } = await withPeer(t, { '.': ['DROP', '250 2.0.0 Ok'] })
  const id = await bench.accept([to('x@far.test')])
  await bench.until('deferred', () =>
    bench.lines.some((line) => line.includes('message may be sent more than once')),
  )
  await bench.quiet()
  assert.equal((await bench.store.queue.get(id))?.recipients.length, 1)
  assert.equal(peer.connections, 1)
  await bench.after(6 * minute)
  assert.equal(await bench.store.queue.count(), 0)
})

test('a dead destination is left alone for minimal_backoff_time, others are served', async (t) => {
  const limitsOf = () => ({ ...defaultDestinationLimits, initialConcurrency: 1 })
  const { peer, bench, to } = await withPeer(t, {}, { options: { limitsOf } })
  const dead = { nextHop: '[127.0.0.1]:1' }
  await bench.accept([bench.recipient('1@dead.test', dead)])
  await bench.until('deferred', () => bench.lines.some((line) => line.includes('Connection refused')))
  await bench.quiet()
  await bench.accept([bench.recipient('2@dead.test', dead), to('x@far.test')])
  await bench.until('second', () => bench.lines.some((line) => line.includes('<2@dead.test>')))
  await bench.quiet()
  const line = bench.logged('smtp').find((text) => text.includes('<2@dead.test>')) ?? ''
  assert.match(
    line,
    /relay=none, .*dsn=4\.4\.1, status=deferred \(delivery temporarily suspended: connect to 127\.0\.0\.1\[127\.0\.0\.1\]:1: Connection refused\)$/,
  )
  assert.equal(peer.connections, 1)
})

test('what a clock that was ahead has deferred is tried again when it is set back', async (t) => {
  const bench = await QueueBench.open(t, { options: { queueRunDelayMs: 30 } })
  const years = 3_650 * 24 * 60 * minute
  const todayMs = bench.nowMs
  bench.steadyMs = 1_000_000
  bench.nowMs += years
  const id = await bench.accept([bench.recipient('a@dead.test', { nextHop: '[127.0.0.1]:1' })])
  const dueMs = async () => (await bench.store.queue.get(id))?.recipients[0]?.dueMs ?? 0
  const refusals = () => bench.lines.filter((line) => line.includes('Connection refused')).length
  bench.runner.start()
  await bench.until('deferred', () => refusals() === 1)
  await bench.quiet()
  assert.ok((await dueMs()) > todayMs + years)
  bench.nowMs = todayMs + 1_000
  await bench.until('tried again', () => refusals() === 2)
  await bench.quiet()
  assert.ok((await dueMs()) < todayMs + 60 * minute)
})

test('each flush tries a dead destination again at once, but not once for each message', async (t) => {
  const { peer, bench } = await withPeer(
    t,
    {},
    { options: { limitsOf: () => ({ ...defaultDestinationLimits, concurrency: 1 }) } },
  )
  const port = peer.port
  peer.close()
  const dead = { nextHop: `[127.0.0.1]:${port}` }
  for (let i = 0; i < 5; i++) await bench.accept([bench.recipient(`${i}@dead.test`, dead)])
  await bench.after(0)
  const tried = () => bench.lines.filter((line) => line.includes('(connect to')).length
  const before = tried()
  // Within the seconds after a failure too: whoever types `postqueue -f` has just mended it.
  for (let flush = 1; flush <= 2; flush++) {
    bench.nowMs += 1000
    await bench.store.queue.flush({ nowMs: bench.nowMs })
    await bench.until(`flush ${flush}`, () => tried() === before + flush)
    await bench.quiet()
    assert.equal(tried(), before + flush, bench.lines.join('\n'))
  }
  bench.nowMs += 1000
  await bench.store.queue.flush({ nowMs: bench.nowMs, nextHop: dead.nextHop })
  await bench.until('its site', () => tried() === before + 3)
})

test('a runner that starts takes over at once what a killed process had claimed', async (t) => {
  const sink: DeliveryAgent = async ({ recipients }) =>
    recipients.map((recipient) =>
      decided(recipient, { action: 'delivered', status: '2.0.0', text: 'ok', nowMs: bench.nowMs }),
    )
  const bench = await QueueBench.open(t, { agents: { sink } })
  await bench.accept([bench.recipient('x@y', { transport: 'sink' })])
  const claim = `
    import { openStore } from ${JSON.stringify(import.meta.resolve('@posthorn/storage'))}
    const store = await openStore({ directory: ${JSON.stringify(bench.directory)} })
    const claim = { owner: 'killed', nowMs: ${bench.nowMs}, leaseUntilMs: ${bench.nowMs + 1_800_000}, limit: 9 }
    console.log((await store.queue.claimDue(claim)).length)
    process.kill(process.pid, 'SIGKILL')`
  // Not spawnSync: this process shares the store's lock with the other, and must go on to give it back.
  const killed = spawn(process.execPath, ['--input-type=module', '-e', claim], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  killed.stdout.on('data', (chunk: Buffer) => (said += chunk))
  const [, signal] = await once(killed, 'close')
  assert.equal(signal, 'SIGKILL')
  assert.equal(said, '1\n')
  bench.runner.start()
  await bench.until('delivered', async () => (await bench.store.queue.count()) === 0)
})

test('a poison message is put on hold after the third crash; its release begins anew', async (t) => {
  const seen: number[] = []
  const sink: DeliveryAgent = async ({ recipients }) => {
    seen.push(recipients.length)
    return recipients.map((recipient) =>
      decided(recipient, { action: 'delivered', status: '2.0.0', text: 'ok', nowMs: bench.nowMs }),
    )
  }
  const bench = await QueueBench.open(t, { agents: { sink } })
  const id = await bench.accept([bench.recipient('x@y', { transport: 'sink' })])
  for (let crash = 1; crash <= 3; crash++) {
    // A worker claims and dies: nothing is settled, the lease runs out.
    const nowMs = bench.nowMs
    const claimed = await bench.store.queue.claimDue({
      owner: `dead-${crash}`,
      nowMs,
      leaseUntilMs: nowMs + 1000,
      limit: 10,
    })
    assert.equal(claimed[0]?.recipients[0]?.attempts, crash)
    if (crash > 1) await bench.store.queue.begin(id, [0])
    bench.nowMs += 2000
  }
  bench.runner.start()
  await bench.until('held', async () => (await bench.store.queue.get(id))?.hold === true)
  await bench.quiet()
  assert.deepEqual(seen, [])
  assert.match(bench.logged('qmgr')[0] ?? '', /message put on hold: 3 attempts ended without a result/)
  await bench.store.queue.setHold(id, 'released')
  bench.runner.flush()
  await bench.until('delivered', () => seen.length === 1)
})

test('mail that only waited in the claims of workers that died is no poison', async (t) => {
  const sink: DeliveryAgent = async ({ recipients }) =>
    recipients.map((one) => decided(one, { action: 'delivered', status: '2.0.0', text: 'ok', nowMs: 0 }))
  const bench = await QueueBench.open(t, { agents: { sink } })
  const id = await bench.accept([bench.recipient('x@y', { transport: 'sink' })])
  const claim = async (owner: string) => {
    const { nowMs } = bench
    const claimed = await bench.store.queue.claimDue({
      owner,
      nowMs,
      leaseUntilMs: nowMs + 1000,
      limit: 10,
    })
    bench.nowMs += 2000
    return claimed[0]?.recipients[0]
  }
  for (let death = 1; death <= 6; death++) assert.equal((await claim(`dead-${death}`))?.attempts, death)
  // One that stops in good order takes back what it noted.
  await claim('stops')
  await bench.store.queue.begin(id, [0])
  await bench.store.queue.begin(id, [0])
  assert.equal((await bench.store.queue.get(id))?.recipients[0]?.begun, 1)
  await bench.store.queue.release('stops')
  assert.equal((await bench.store.queue.get(id))?.recipients[0]?.begun, undefined)
  bench.runner.start()
  await bench.until('delivered', async () => (await bench.store.queue.get(id)) === undefined)
})

test('an agent that throws harms its own message only, and that one stays queued', async (t) => {
  const broken: DeliveryAgent = async () => {
    throw new Error('bug')
  }
  const { peer, bench, to } = await withPeer(t, {}, { agents: { broken } })
  const id = await bench.accept([bench.recipient('x@y', { transport: 'broken' }), to('x@far.test')])
  await bench.until('sent', () => peer.received.join('').includes('hello'))
  await bench.quiet()
  const entry = await bench.store.queue.get(id)
  assert.equal(entry?.recipients.length, 1)
  assert.equal(entry?.recipients[0]?.last?.status, '4.3.0')
  assert.ok(bench.events.some(({ error }) => error instanceof Error && error.message === 'bug'))
})

test('two workers share a queue: each message is delivered once', async (t) => {
  const seen = new Map<string, number>()
  const agent =
    (): DeliveryAgent =>
    async ({ recipients }) => {
      await new Promise((resolve) => setTimeout(resolve, 2))
      return recipients.map((recipient) => {
        seen.set(recipient.address, (seen.get(recipient.address) ?? 0) + 1)
        return decided(recipient, { action: 'delivered', status: '2.0.0', text: 'ok', nowMs: bench.nowMs })
      })
    }
  const bench = await QueueBench.open(t, { agents: { sink: agent() } })
  for (let i = 0; i < 60; i++) await bench.accept([bench.recipient(`${i}@y${i % 3}`, { transport: 'sink' })])
  const second = bench.worker('worker-2', new Map([['sink', agent()]]))
  bench.runner.start()
  second.start()
  await bench.until('all', async () => (await bench.store.queue.count()) === 0)
  await second.stop()
  assert.equal(seen.size, 60)
  assert.ok([...seen.values()].every((count) => count === 1))
})

test('default_destination_concurrency_limit', async (t) => {
  let running = 0
  let most = 0
  const slow: DeliveryAgent = async ({ recipients }) => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setTimeout(resolve, 5))
    running--
    return recipients.map((recipient) =>
      decided(recipient, { action: 'delivered', status: '2.0.0', text: 'ok', nowMs: bench.nowMs }),
    )
  }
  const bench = await QueueBench.open(t, {
    agents: { slow },
    options: { limitsOf: () => ({ ...defaultDestinationLimits, concurrency: 3 }) },
  })
  for (let i = 0; i < 30; i++) await bench.accept([bench.recipient(`${i}@y`, { transport: 'slow' })])
  bench.runner.start()
  await bench.until('all', async () => (await bench.store.queue.count()) === 0)
  assert.equal(most, 3)
})

test('stop: a claim in the middle of its delivery is given back, uncounted', async (t) => {
  let started = false
  const stuck: DeliveryAgent = ({ signal, recipients }) =>
    new Promise((resolve) => {
      started = true
      signal.addEventListener('abort', () =>
        resolve(
          recipients.map((recipient) =>
            decided(recipient, {
              action: 'delayed',
              status: '4.3.2',
              text: 'shutting down',
              nowMs: bench.nowMs,
            }),
          ),
        ),
      )
    })
  const bench = await QueueBench.open(t, { agents: { stuck } })
  const id = await bench.accept([bench.recipient('x@y', { transport: 'stuck' })])
  bench.runner.start()
  await bench.until('started', () => started)
  await bench.runner.stop(20)
  const entry = await bench.store.queue.get(id)
  assert.equal(entry?.recipients[0]?.state, 'queued')
  assert.equal(entry?.recipients[0]?.attempts, 0)
})

test('a full mailbox: deferred with 4.2.2, bounced at the end of its time', async (t) => {
  const { bench } = await withPeer(t, {}, { quotaBytes: 10 })
  await bench.accept([bench.recipient('local@us.test', { transport: 'local', nextHop: '' })], {
    sender: 'a@far.test',
  })
  await bench.until('deferred', () => bench.lines.some((line) => line.includes('mailbox is full')))
  await bench.quiet()
  assert.equal(await bench.store.queue.count(), 1)
  await bench.store.accounts.update(bench.account.id, { quotaBytes: 0 })
  await bench.after(10 * minute)
  assert.equal((await bench.inbox()).length, 1)
  assert.equal(await bench.store.queue.count(), 0)
})

test('an address that leads elsewhere now is followed, in one unit with the settlement', async (t) => {
  const { peer, bench, to } = await withPeer(t, {})
  bench.resolve = async () => ({ kind: 'to', recipients: [to('moved@far.test'), to('copy@far.test')] })
  await bench.accept([bench.recipient('local@us.test', { transport: 'local', nextHop: '' })], {
    sender: 'a@far.test',
  })
  await bench.until('forwarded', () => peer.received.join('').includes('RCPT TO:<copy@far.test>'))
  await bench.until('gone', async () => (await bench.store.queue.count()) === 0)
  assert.match(
    peer.received.join(''),
    /MAIL FROM:<a@far\.test>[^\r]*\r\nRCPT TO:<moved@far\.test>\r\nRCPT TO:<copy@far\.test>/,
  )
})

test('error:, retry: and discard: transports; an unknown one waits', async (t) => {
  const { bench } = await withPeer(t, {})
  await bench.accept([
    bench.recipient('e@y', { transport: 'error', nextHop: '5.2.1 mailbox disabled' }),
    bench.recipient('r@y', { transport: 'retry', nextHop: '4.2.1 not now' }),
    bench.recipient('d@y', { transport: 'discard', nextHop: 'silently' }),
    bench.recipient('u@y', { transport: 'uucp', nextHop: 'h' }),
  ])
  await bench.until('bounce', async () => (await bench.inbox()).length === 1)
  await bench.quiet()
  const words = ['error', 'retry', 'discard', 'uucp'].map(
    (name) => /dsn=.*/.exec(bench.logged(name)[0] ?? '')?.[0],
  )
  assert.deepEqual(words, [
    'dsn=5.2.1, status=bounced (mailbox disabled)',
    'dsn=4.2.1, status=deferred (not now)',
    'dsn=2.0.0, status=sent (silently)',
    'dsn=4.3.5, status=deferred (mail transport unavailable: uucp)',
  ])
  assert.match(
    bench.lines.join('\n'),
    /^qmgr: .*connect to transport private\/uucp: No such file or directory/m,
  )
})
