/**
 * The primary of several identical workers: forks them, relays wake-ups, asks them all the same question,
 * and replaces one that died. It opens neither the store nor a listening socket itself.
 */
import cluster, { type Worker } from 'node:cluster'
import type { Log } from '@posthorn/mail'
import type { Wake } from '@posthorn/storage'
import { StartError } from '../start-error.ts'
import type { PrimaryMessage, WorkerMessage, WorkerQuestion } from './messages.ts'

export interface WorkerPool {
  /** Every worker's answer; one that does not answer within `timeoutMs` is left out. */
  ask(question: WorkerQuestion, timeoutMs: number): Promise<readonly unknown[]>
  wake(wake: Wake): void
  /** Asks all to stop and waits; those still there after `timeoutMs` are killed. */
  stop(timeoutMs: number): Promise<void>
}

export interface PoolOptions {
  readonly count: number
  /** Command line of a worker: the entry module with its arguments. */
  readonly exec: string
  readonly args: readonly string[]
  readonly log: Log
}

/** A worker that dies at once again and again is not forked in a tight loop. */
const firstRestartMs = 200
const longestRestartMs = 30_000
const steadyAfterMs = 60_000

function post(worker: Worker, message: PrimaryMessage): void {
  if (worker.isConnected()) worker.send(message, () => {})
}

/** Forks the workers and resolves when all listen. Rejects with StartError when the first ones cannot. */
export async function startPool(options: PoolOptions): Promise<WorkerPool> {
  cluster.setupPrimary({ exec: options.exec, args: [...options.args] })
  const state = {
    stopping: false,
    nextId: 1,
    answers: new Map<number, (worker: Worker, answer: unknown) => void>(),
  }
  const workers = (): Worker[] =>
    Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
  cluster.on('message', (from, message: WorkerMessage) => {
    if (message.kind === 'wake') {
      for (const worker of workers())
        if (worker.id !== from.id) post(worker, { kind: 'wake', wake: message.wake })
    } else if (message.kind === 'answer') state.answers.get(message.id)?.(from, message.answer)
  })
  const ask = async (question: WorkerQuestion, timeoutMs: number): Promise<readonly unknown[]> => {
    const waiting = new Set(workers())
    const id = state.nextId++
    const answers: unknown[] = []
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        state.answers.delete(id)
        resolve()
      }
      const timer = setTimeout(done, timeoutMs)
      state.answers.set(id, (worker, answer) => {
        if (waiting.delete(worker)) answers.push(answer)
        if (waiting.size === 0) done()
      })
      if (waiting.size === 0) done()
      for (const worker of waiting) post(worker, { kind: 'ask', id, question })
    })
    return answers
  }
  await Promise.all(Array.from({ length: options.count }, () => forkOne()))
  cluster.on(
    'exit',
    replaceDead(options, () => state.stopping),
  )
  return {
    ask,
    wake: (wake) => {
      for (const worker of workers()) post(worker, { kind: 'wake', wake })
    },
    stop: async (timeoutMs) => {
      state.stopping = true
      const gone = workers().map(
        async (worker) => await new Promise((resolve) => worker.once('exit', resolve)),
      )
      for (const worker of workers()) post(worker, { kind: 'ask', id: 0, question: 'stop' })
      const timer = setTimeout(() => {
        for (const worker of workers()) worker.process.kill('SIGKILL')
      }, timeoutMs)
      await Promise.all(gone)
      clearTimeout(timer)
    },
  }
}

async function forkOne(): Promise<void> {
  const worker = cluster.fork()
  await new Promise<void>((resolve, reject) => {
    worker.on('message', (message: WorkerMessage) => {
      if (message.kind === 'ready') resolve()
      else if (message.kind === 'failed') reject(new StartError(message.message, message.remedy))
    })
    worker.once('exit', (code, signal) =>
      reject(new StartError(`a worker ended while starting (${signal ?? `code ${code}`})`, 'see the log')),
    )
  })
}

function replaceDead(options: PoolOptions, stopping: () => boolean) {
  let delayMs = firstRestartMs
  let lastDeathMs = 0
  return (worker: Worker, code: number, signal: string | null): void => {
    if (stopping()) return
    const nowMs = performance.now()
    delayMs = nowMs - lastDeathMs > steadyAfterMs ? firstRestartMs : Math.min(delayMs * 2, longestRestartMs)
    lastDeathMs = nowMs
    const cause = signal ?? `exit status ${code}`
    options.log({
      level: 'error',
      service: 'master',
      text: `process worker pid ${worker.process.pid ?? 0} ended: ${cause}; starting another in ${delayMs} ms`,
    })
    setTimeout(() => {
      if (stopping()) return
      forkOne().catch((error: unknown) =>
        options.log({ level: 'error', service: 'master', text: 'cannot start a worker', error }),
      )
    }, delayMs)
  }
}
