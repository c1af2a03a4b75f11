import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type WatchedWorker, WorkerWatch } from './worker-watch.ts'

interface Played extends WatchedWorker {
  readonly asked: { count: number }
  readonly killed: { count: number }
}

/** A process that does nothing, as a worker. */
async function player(t: TestContext): Promise<Played> {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  await once(child, 'spawn')
  const asked = { count: 0 }
  const killed = { count: 0 }
  return { pid: child.pid ?? 0, asked, killed, ask: () => asked.count++, kill: () => killed.count++ }
}

async function stopped(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  while (!/\) T /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) await delay(5)
}

function watch(t: TestContext, workers: readonly Played[], limitMs: number) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const lines: string[] = []
  const living = () => workers.filter(({ killed }) => killed.count === 0)
  const watched = new WorkerWatch(
    living,
    () => limitMs,
    ({ text }) => void lines.push(text),
  )
  t.after(() => watched.stop())
  const look = (times: number): void => {
    for (let n = 0; n < times; n++) t.mock.timers.tick(limitMs > 0 ? limitMs / 6 : 10_000)
  }
  return { watched, lines, look }
}

test('a stopped worker is killed; one that only waited for it answers then, and stays', async (t) => {
  const [still, waiting] = [await player(t), await player(t)]
  await stopped(still.pid)
  const { watched, lines, look } = watch(t, [waiting, still], 60_000)
  look(6)
  assert.deepEqual([still.killed.count, waiting.killed.count], [0, 0], 'not before the time')
  look(1)
  assert.deepEqual([still.killed.count, waiting.killed.count], [1, 0])
  assert.match(
    lines.join(),
    new RegExp(`^process worker pid ${still.pid} has not answered for 60 s, it is stopped: killed$`),
  )
  watched.heard(waiting.pid)
  look(6)
  assert.equal(waiting.killed.count, 0)
})

test('a worker that hangs is killed, one that answers never; of several that hang one after the other', async (t) => {
  const [one, two, well] = [await player(t), await player(t), await player(t)]
  const { watched, lines, look } = watch(t, [one, two, well], 30_000)
  for (let n = 0; n < 7; n++) {
    look(1)
    watched.heard(well.pid)
  }
  assert.deepEqual([one.killed.count, two.killed.count], [1, 0])
  for (let n = 0; n < 2; n++) {
    look(1)
    watched.heard(well.pid)
  }
  assert.equal(two.killed.count, 1)
  assert.equal(well.killed.count, 0)
  assert.ok(well.asked.count >= 8)
  assert.equal(lines.length, 2)
})

test('worker_hang_limit = 0: nobody is asked or killed', async (t) => {
  const one = await player(t)
  const { look } = watch(t, [one], 0)
  look(50)
  assert.deepEqual([one.asked.count, one.killed.count], [0, 0])
})
