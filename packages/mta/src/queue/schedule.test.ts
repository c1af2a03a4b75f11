import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countHops, jobsOf, QueuedMessage } from './job.ts'
import { formatDelay, formatDelays } from './log-lines.ts'
import { defaultQueueOptions } from './options.ts'
import { expiresMs, retryAtMs } from './schedule.ts'

const options = { ...defaultQueueOptions, hostname: 'us.test' }
const minute = 60_000

test('minimal_backoff_time, maximal_backoff_time, jitter, lifetime, a clock put back', () => {
  const entry = { arrivedMs: 1_000_000, sender: 'a@b' }
  for (const [age, random, expect] of [
    [0, 0, 5 * minute],
    [7 * minute, 0, 7 * minute],
    [7 * minute, 0.5, 7 * minute * 1.05],
    [300 * minute, 0, 4_000_000],
    [-60 * minute, 0, 5 * minute],
    [5 * 86_400_000 - 10 * minute, 0, 10 * minute],
    [6 * 86_400_000, 0, 5 * minute],
  ] as const) {
    const nowMs = entry.arrivedMs + age
    assert.equal(retryAtMs(entry, nowMs, options, () => random) - nowMs, expect, `${age}`)
  }
})

test('bounce_queue_lifetime is for the null sender', () => {
  const given = { ...options, bounceQueueLifetimeMs: 1000 }
  assert.equal(expiresMs({ arrivedMs: 5, sender: '' }, given), 1005)
  assert.equal(expiresMs({ arrivedMs: 5, sender: 'a@b' }, given), 5 + 5 * 86_400_000)
})

test('delays in two digits, as Postfix logs them', () => {
  for (const [ms, expect] of [
    [0, '0'],
    [4, '0'],
    [12, '0.01'],
    [50, '0.05'],
    [120, '0.12'],
    [1240, '1.2'],
    [12_400, '12'],
    [-5, '0'],
  ] as const) {
    assert.equal(formatDelay(ms), expect)
  }
})

test('Postfix: delay_logging_resolution_limit', () => {
  for (const [ms, limit, expect] of [
    [12, 3, '0.012'],
    [123, 6, '0.12'],
    [1, 3, '0.001'],
    [1, 2, '0'],
    [0.4, 4, '0.0004'],
    [260, 1, '0.3'],
    [700, 0, '1'],
    [1_240, 6, '1.2'],
    [1_240, 0, '1'],
    [0, 6, '0'],
  ] as const) {
    assert.equal(formatDelay(ms, limit), expect, `${ms} ms, ${limit}`)
  }
  assert.equal(formatDelays([12, 0, 260.4, 1_500], 3), '0.012/0/0.26/1.5')
})

test('RFC 5321 §6.3: Received fields are counted in the header only', () => {
  const header =
    'Received: a\r\n by b\r\nX-Received: no\r\nRECEIVED : c\r\nreceived:d\r\n\r\nReceived: body\r\n'
  assert.equal(countHops(Buffer.from(header)), 3)
  assert.equal(countHops(Buffer.from('Received: x')), 1)
  assert.equal(countHops(Buffer.alloc(0)), 0)
})

test('recipients travel together when everything about them is the same, at most 50', () => {
  const recipient = (index: number, more: object = {}) => ({
    index,
    address: `${index}@y`,
    transport: 'smtp',
    nextHop: 'y',
    state: 'claimed' as const,
    dueMs: 0,
    attempts: 1,
    delayWarned: false,
    ...more,
  })
  const entry = {
    queueId: 'A' as never,
    sender: 'a@b',
    options: {},
    origin: { clientName: '', clientAddress: '', helo: '', protocol: '' },
    arrivedMs: 0,
    sizeBytes: 0,
    hold: false,
    recipients: [
      ...Array.from({ length: 120 }, (_, i) => recipient(i)),
      recipient(200, { nextHop: 'z' }),
      recipient(201, { sender: 'owner@b' }),
      recipient(202, { prefix: Buffer.from('Delivered-To: x\r\n') }),
      recipient(203, { transport: 'lmtp' }),
      recipient(204),
    ],
  }
  const message = new QueuedMessage({ read: async () => undefined }, entry)
  const jobs = jobsOf(entry, message, () => 50, new AbortController().signal)
  assert.deepEqual(
    jobs.map(({ recipients }) => recipients.length),
    [50, 50, 21, 1, 1, 1, 1],
  )
  assert.deepEqual(
    jobs.map(({ sender }) => sender).filter((sender) => sender !== 'a@b'),
    ['owner@b'],
  )
})
