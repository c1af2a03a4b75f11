import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dial, expect, serve } from './testkit/connection-fixture.ts'
import { Pace, Wakefulness } from './wakefulness.ts'

/** A clock and an event loop that go on only when told. */
function stage(): {
  readonly wakefulness: Wakefulness
  readonly pass: (ms: number) => void
  readonly turns: (() => void)[]
} {
  let nowMs = 1000
  const turns: (() => void)[] = []
  const wakefulness = new Wakefulness(
    () => nowMs,
    (callback) => turns.push(callback),
  )
  return { wakefulness, turns, pass: (ms) => (nowMs += ms) }
}

test('the event loop stays awake until the time is over, in one row of turns', () => {
  const { wakefulness, turns, pass } = stage()
  wakefulness.stay(1000.3)
  wakefulness.stay(1000.2)
  assert.equal(turns.length, 1)
  turns.shift()!()
  assert.equal(turns.length, 1, 'still awake')
  pass(0.25)
  turns.shift()!()
  assert.equal(turns.length, 1, 'the later time counts')
  pass(0.1)
  turns.shift()!()
  assert.equal(turns.length, 0, 'asleep')
  wakefulness.stay(1001)
  assert.equal(turns.length, 1, 'and again')
})

test('a client that goes on at once after each answer is awaited', () => {
  const { wakefulness, turns, pass } = stage()
  const pace = new Pace(wakefulness)
  for (let command = 0; command < 3; command++) {
    assert.equal(turns.length, 0, `before the answer to command ${command}`)
    pace.heard()
    pass(5)
    pace.answered()
    pass(0.1)
  }
  assert.equal(turns.length, 1)
})

test('a client that takes its time is not awaited, and one that begins to is awaited once more', () => {
  const { wakefulness, turns, pass } = stage()
  const pace = new Pace(wakefulness)
  const command = (afterMs: number): number => {
    pass(afterMs)
    turns.splice(0).forEach((turn) => {
      turn()
    })
    pace.heard()
    pace.answered()
    return turns.length
  }
  for (let slow = 0; slow < 20; slow++) assert.equal(command(1), 0)
  for (let quick = 0; quick < 20; quick++) command(0.1)
  assert.equal(command(0.1), 1)
  assert.equal(command(1), 1, 'one delay is forgiven')
  assert.equal(command(1), 0)
  assert.equal(command(0.1), 0, 'trust has to be won again')
  assert.equal(command(0.1), 1)
})

test('a dialogue on a connection keeps the event loop awake, a single command does not', async () => {
  const turns: (() => void)[] = []
  // On this clock every answer is followed at once.
  const wakefulness = new Wakefulness(
    () => 0,
    (callback) => turns.push(callback),
  )
  const { listener, session } = await serve({ wakefulness })
  const client = dial(listener)
  await expect(client, 'hello\r\n')
  await session()
  const ask = async (): Promise<number> => {
    client.write('ping\r\n')
    await expect(client, 'ping\r\n')
    return turns.length
  }
  assert.equal(await ask(), 0)
  assert.equal(await ask(), 1)
})
