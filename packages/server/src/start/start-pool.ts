import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ActivitySum, AnvilStatistics } from '@posthorn/mta'
import { statisticsTimes } from '../services/client-limits.ts'
import { WorkerPool } from '../workers/worker-pool.ts'
import type { Running } from './running.ts'
import type { StartParts } from './start-solo.ts'

const main = fileURLToPath(new URL('../main.ts', import.meta.url))
const answerTimeoutMs = 10_000
/** Beyond shutdown_grace: closing the store, and the way of the messages. */
const closingMs = 3_000

/** `workers = N`: N identical processes, and this one that watches over them. */
export async function startPool({ config, log, configOption }: StartParts): Promise<Running> {
  let current = config
  const statistics = new AnvilStatistics(log, Date.now, () => statisticsTimes(current))
  const activity = new ActivitySum(statistics)
  const { pool, ports } = await WorkerPool.start({
    count: config.values.workers,
    exec: main,
    args: ['worker', ...(configOption === undefined ? [] : ['--config', configOption])],
    log,
    peerSocket: join(config.values.data_directory, 'peer.sock'),
    configuration: () => ({ atStart: config.texts, current: current.texts }),
    onActivity: (worker, told) => activity.add(worker, told),
    hangMs: () => current.values.worker_hang_limit,
    onGone: (worker) => activity.gone(worker),
  })
  return {
    ports,
    status: async () => await pool.ask({ kind: 'status' }, answerTimeoutMs),
    sampleAccounts: async () => (await pool.askOne({ kind: 'sampleAccounts' }, answerTimeoutMs)) ?? [],
    reload: async (next) => {
      await pool.ask({ kind: 'reload', texts: next.texts }, answerTimeoutMs)
      current = next
    },
    metrics: async () => await pool.ask({ kind: 'metrics' }, answerTimeoutMs),
    submit: async (recipient, message) => {
      const text = message.toString('base64')
      await pool.askOne({ kind: 'submit', recipient, messageBase64: text }, answerTimeoutMs)
    },
    pickup: () => void pool.askOne({ kind: 'pickup' }, answerTimeoutMs).catch(() => {}),
    listQueue: async (after) =>
      (await pool.askOne(
        { kind: 'listQueue', ...(after === undefined ? {} : { after }) },
        answerTimeoutMs,
      )) ?? [],
    flushQueue: async (what) => {
      await pool.askOne({ kind: 'flushQueue', what }, answerTimeoutMs)
    },
    logins: async (choice) => (await pool.ask({ kind: 'logins', choice }, answerTimeoutMs)).flat(),
    kick: async (choice) => {
      const counts = await pool.ask({ kind: 'kick', choice }, answerTimeoutMs)
      return counts.reduce((sum, count) => sum + count, 0)
    },
    wake: (wake) => pool.wake(wake),
    stop: async () => {
      await pool.stop(current.values.shutdown_grace + closingMs)
      statistics.close()
    },
  }
}
