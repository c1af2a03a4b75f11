import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { MailPace } from './mail-pace.ts'

const never = new AbortController().signal

test('without mail there is no rest, whatever was spent', async () => {
  const pace = new MailPace()
  pace.spent(60_000)
  // Nothing to wait for: before any timer.
  await Promise.race([
    pace.rest(never),
    new Promise((_, reject) => setImmediate(() => reject(new Error('it rests')))),
  ])
})

test('beside mail a batch is paid for nine times over; when the mail ends, so does the rest', async () => {
  const pace = new MailPace()
  let beganMs = performance.now()
  pace.mail()
  pace.spent(10)
  await pace.rest(never)
  assert.ok(performance.now() - beganMs >= 89)
  beganMs = performance.now()
  pace.mail()
  pace.spent(60_000)
  await pace.rest(never)
  // 150 ms without mail, and nothing like nine minutes.
  assert.ok(performance.now() - beganMs >= 149)
})

test('whoever stops does not wait for the rest', async () => {
  const pace = new MailPace()
  const stop = new AbortController()
  pace.mail()
  pace.spent(60_000)
  const rest = pace.rest(stop.signal)
  stop.abort()
  await assert.rejects(rest, { name: 'AbortError' })
  await assert.rejects(pace.rest(stop.signal), { name: 'AbortError' })
})

test('mail that leaves processors free has more made beside it: neither the batch nor the event loop waits', async () => {
  const pace = new MailPace()
  const afterBatch = (waitedMs: number): string => {
    pace.mail()
    pace.batch(20, waitedMs)
    return pace.traffic
  }
  await sleep(200)
  assert.equal(afterBatch(5), 'rest')
  await sleep(200)
  assert.equal(afterBatch(30), 'mail')
  const untilMs = performance.now() + 200
  while (performance.now() < untilMs);
  assert.equal(afterBatch(5), 'mail')
  const beganMs = performance.now()
  await pace.rest(never)
  assert.ok(performance.now() - beganMs >= 149)
})
