import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TimerWheel, type WheelEntry } from './timer-wheel.ts'

class Alarm implements WheelEntry {
  dueMs = Number.POSITIVE_INFINITY
  tick = 0
  place: WheelEntry['place'] = undefined
  readonly rung: number[] = []
  onDue(nowMs: number): void {
    this.rung.push(nowMs)
    this.dueMs = Number.POSITIVE_INFINITY
  }
}

function wheelAt(startMs: number): { wheel: TimerWheel; to(ms: number): void } {
  let nowMs = startMs
  const wheel = new TimerWheel({ resolutionMs: 1000, now: () => nowMs })
  return {
    wheel,
    to(ms) {
      nowMs = ms
      wheel.advance()
    },
  }
}

test('an entry rings once its time has passed, never before, at most two ticks late', () => {
  const { wheel, to } = wheelAt(5_000_000)
  const alarms = Array.from({ length: 50 }, (_, i) => {
    const alarm = new Alarm()
    alarm.dueMs = 5_000_000 + i * 137
    wheel.schedule(alarm)
    return { alarm, dueMs: alarm.dueMs }
  })
  for (let ms = 5_000_000; ms < 5_020_000; ms += 250) to(ms)
  for (const { alarm, dueMs } of alarms) {
    assert.equal(alarm.rung.length, 1)
    assert.ok(alarm.rung[0]! >= dueMs, 'not early')
    assert.ok(alarm.rung[0]! <= dueMs + 2000, 'not late')
  }
})

test('pushing an entry later needs no call and postpones it', () => {
  const { wheel, to } = wheelAt(0)
  const alarm = new Alarm()
  alarm.dueMs = 3000
  wheel.schedule(alarm)
  to(2000)
  alarm.dueMs = 60_000
  to(10_000)
  assert.deepEqual(alarm.rung, [])
  to(61_000)
  to(62_000)
  assert.equal(alarm.rung.length, 1)
})

test('pulling an entry earlier rings it earlier, and once', () => {
  const { wheel, to } = wheelAt(0)
  const alarm = new Alarm()
  alarm.dueMs = 100_000
  wheel.schedule(alarm)
  alarm.dueMs = 2000
  wheel.schedule(alarm)
  assert.equal(wheel.size, 1)
  for (let ms = 0; ms <= 200_000; ms += 1000) to(ms)
  assert.equal(alarm.rung.length, 1)
  assert.ok(alarm.rung[0]! <= 4000)
})

test('a cancelled entry is silent', () => {
  const { wheel, to } = wheelAt(0)
  const alarm = new Alarm()
  alarm.dueMs = 2000
  wheel.schedule(alarm)
  wheel.cancel(alarm)
  assert.equal(wheel.size, 0, 'and is not kept alive')
  to(100_000)
  assert.deepEqual(alarm.rung, [])
})

test('a process that slept for a year rings everything, in order', () => {
  const { wheel, to } = wheelAt(0)
  const order: number[] = []
  for (const seconds of [50, 10, 30]) {
    const entry: WheelEntry = {
      dueMs: seconds * 1000,
      tick: 0,
      place: undefined,
      onDue: () => void order.push(seconds),
    }
    wheel.schedule(entry)
  }
  to(365 * 86_400_000)
  assert.deepEqual(order, [10, 30, 50])
})
