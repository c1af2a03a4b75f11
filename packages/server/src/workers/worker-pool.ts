/**
 * The primary of several identical workers: forks them, connects each with the others, asks them all the same question,
 * and replaces one that died. It opens no store and reads nothing from the network; the listening sockets
 * are the cluster's, which hands each connection to the next worker.
 */
import cluster, { type Worker } from 'node:cluster'
import type { Log } from '@posthorn/mail'
import type { ClientActivity } from '@posthorn/mta'
import type { Wake } from '@posthorn/storage'
import type { MailServerPorts } from '../start/ports.ts'
import { StartError } from '../start-error.ts'
import { closeHandedConnections } from './handed-connections.ts'
import type {
  Failure,
  PrimaryMessage,
  WorkerAnswers,
  WorkerConfiguration,
  WorkerMessage,
  WorkerQuestion,
} from './messages.ts'
import { WorkerPeers } from './worker-peers.ts'
import { type WatchedWorker, WorkerWatch } from './worker-watch.ts'

export interface PoolOptions {
  readonly count: number
  /** Command line of a worker: the entry module with its arguments. */
  readonly exec: string
  readonly args: readonly string[]
  readonly log: Log
  /** Where connections between workers are made. */
  readonly peerSocket: string
  /** What a worker that starts now is told. */
  readonly configuration: () => WorkerConfiguration
  /** What clients did at a worker. */
  readonly onActivity: (worker: number, activity: readonly ClientActivity[]) => void
  /** A worker that has not answered for so long is killed; 0: never. */
  readonly hangMs: () => number
  /** It has ended, and its connections with it. */
  readonly onGone: (worker: number) => void
}

/** A worker that dies at once again and again is not forked in a tight loop. */
const firstRestartMs = 200
const longestRestartMs = 30_000
const steadyAfterMs = 60_000

interface Asked {
  readonly waiting: Set<Worker>
  readonly answers: unknown[]
  failure: Failure | undefined
  readonly done: () => void
}

const allWorkers = (): Worker[] =>
  Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)

function post(worker: Worker, message: PrimaryMessage): void {
  if (worker.isConnected()) worker.send(message, () => {})
}

export class WorkerPool {
  readonly #options: PoolOptions
  readonly #asked = new Map<number, Asked>()
  readonly #ready = new Set<Worker>()
  #stopping = false
  #nextId = 1
  #restartMs = firstRestartMs
  #lastDeathMs = Number.NEGATIVE_INFINITY
  #restart: NodeJS.Timeout | undefined
  readonly #watch: WorkerWatch
  readonly #peers: WorkerPeers

  private constructor(options: PoolOptions) {
    this.#options = options
    this.#peers = new WorkerPeers(options.peerSocket)
    this.#watch = new WorkerWatch(() => this.#watched(), options.hangMs, options.log)
  }

  /**
   * Forks the workers; resolves when all listen, with the ports.
   * @throws StartError when one cannot: none stays then.
   */
  static async start(options: PoolOptions): Promise<{ pool: WorkerPool; ports: MailServerPorts }> {
    cluster.setupPrimary({ exec: options.exec, args: [...options.args] })
    const pool = new WorkerPool(options)
    cluster.on('message', (from, message: WorkerMessage) => pool.#heard(from, message))
    cluster.on('exit', (worker) => pool.#gone(worker))
    try {
      // The first alone: it makes the store, and what is wrong is told once.
      const ports = await pool.#fork()
      await Promise.all(Array.from({ length: options.count - 1 }, async () => await pool.#fork()))
      cluster.on('exit', (worker, code, signal) => pool.#replace(worker, signal ?? `exit status ${code}`))
      return { pool, ports }
    } catch (error) {
      await pool.stop(0)
      throw error
    }
  }

  /**
   * Every worker's answer; one that ends meanwhile, or does not answer within `timeoutMs`, is left out.
   * @throws StartError when a worker refuses.
   */
  async ask<K extends WorkerQuestion['kind']>(
    question: Extract<WorkerQuestion, { readonly kind: K }>,
    timeoutMs: number,
  ): Promise<readonly WorkerAnswers[K][]> {
    return await this.#ask(question, [...this.#ready], timeoutMs)
  }

  /** As `ask`, of one worker: for what is to be done once. */
  async askOne<K extends WorkerQuestion['kind']>(
    question: Extract<WorkerQuestion, { readonly kind: K }>,
    timeoutMs: number,
  ): Promise<WorkerAnswers[K] | undefined> {
    const [answer] = await this.#ask<K>(question, [...this.#ready].slice(0, 1), timeoutMs)
    return answer
  }

  wake(wake: Wake): void {
    for (const worker of allWorkers()) post(worker, { kind: 'wake', wake })
  }

  /** Asks all to stop and waits; those still there after `timeoutMs` are killed. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#restart)
    this.#watch.stop()
    const left = allWorkers()
    const gone = left
      .filter((worker) => !worker.isDead())
      .map(async (worker) => await new Promise((resolve) => worker.once('exit', resolve)))
    // One that does not listen yet serves nobody.
    for (const worker of left)
      if (this.#ready.has(worker) && timeoutMs > 0)
        post(worker, { kind: 'ask', id: 0, question: { kind: 'stop' } })
      else worker.process.kill('SIGKILL')
    const timer = setTimeout(() => {
      for (const worker of left) worker.process.kill('SIGKILL')
    }, timeoutMs)
    await Promise.all(gone)
    clearTimeout(timer)
  }

  async #ask<K extends WorkerQuestion['kind']>(
    question: Extract<WorkerQuestion, { readonly kind: K }>,
    workers: readonly Worker[],
    timeoutMs: number,
  ): Promise<readonly WorkerAnswers[K][]> {
    const id = this.#nextId++
    const { promise, resolve } = Promise.withResolvers<void>()
    const asked: Asked = { waiting: new Set(workers), answers: [], failure: undefined, done: resolve }
    const timer = setTimeout(resolve, timeoutMs)
    this.#asked.set(id, asked)
    for (const worker of workers) post(worker, { kind: 'ask', id, question })
    if (workers.length > 0) await promise
    clearTimeout(timer)
    this.#asked.delete(id)
    for (const worker of asked.waiting)
      this.#say('warning', `process worker pid ${worker.process.pid ?? 0} does not answer: ${question.kind}`)
    if (asked.failure !== undefined) throw new StartError(asked.failure.message, asked.failure.remedy)
    return asked.answers as WorkerAnswers[K][]
  }

  #heard(from: Worker, message: WorkerMessage): void {
    if (message.kind === 'activity') this.#options.onActivity(from.id, message.activity)
    else if (message.kind === 'alive') this.#watch.heard(from.process.pid ?? 0)
    else if (message.kind === 'answer') {
      const asked = this.#asked.get(message.id)
      if (asked === undefined || !asked.waiting.delete(from)) return
      if (message.failure === undefined) asked.answers.push(message.answer)
      else asked.failure ??= message.failure
      if (asked.waiting.size === 0) asked.done()
    }
  }

  #watched(): WatchedWorker[] {
    return [...this.#ready].map((worker) => ({
      pid: worker.process.pid ?? 0,
      ask: () => post(worker, { kind: 'alive' }),
      kill: () => worker.process.kill('SIGKILL'),
    }))
  }

  #gone(worker: Worker): void {
    this.#ready.delete(worker)
    this.#options.onGone(worker.id)
    for (const asked of this.#asked.values())
      if (asked.waiting.delete(worker) && asked.waiting.size === 0) asked.done()
  }

  /** Resolves with the ports when the worker listens. */
  async #fork(): Promise<MailServerPorts> {
    const configuration = this.#options.configuration()
    const worker = cluster.fork()
    closeHandedConnections(worker)
    const listening = new Promise<MailServerPorts>((resolve, reject) => {
      worker.on('message', (message: WorkerMessage) => {
        if (message.kind === 'ready') resolve(message.ports)
        else if (message.kind === 'failed')
          reject(new StartError(message.failure.message, message.failure.remedy))
      })
      worker.once('exit', (code, signal) =>
        reject(
          new StartError(`a worker ended while starting (${signal ?? `exit status ${code}`})`, 'see the log'),
        ),
      )
    })
    const begun = this.#peers.join(worker).then(
      () => post(worker, { kind: 'begin', configuration }),
      (error: unknown) => {
        worker.process.kill('SIGKILL')
        throw new StartError(
          `cannot connect a worker with the others: ${String(error)}`,
          'see data_directory',
        )
      },
    )
    const [ports] = await Promise.all([listening, begun])
    this.#ready.add(worker)
    const { current } = this.#options.configuration()
    if (current !== configuration.current)
      post(worker, { kind: 'ask', id: 0, question: { kind: 'reload', texts: current } })
    return ports
  }

  #say(level: 'warning' | 'error', text: string): void {
    this.#options.log({ level, service: 'master', text })
  }

  #replace(worker: Worker, cause: string): void {
    if (this.#stopping) return
    const nowMs = performance.now()
    this.#restartMs =
      nowMs - this.#lastDeathMs > steadyAfterMs
        ? firstRestartMs
        : Math.min(this.#restartMs * 2, longestRestartMs)
    this.#lastDeathMs = nowMs
    this.#say(
      'error',
      `process worker pid ${worker.process.pid ?? 0} ended: ${cause}; starting another in ${this.#restartMs} ms`,
    )
    this.#restart ??= setTimeout(() => {
      this.#restart = undefined
      this.#refill()
    }, this.#restartMs)
  }

  /** As many as are missing; one that cannot start counts as dead, and so is tried again. */
  #refill(): void {
    for (let n = allWorkers().length; n < this.#options.count; n++)
      this.#fork().catch((error: unknown) => {
        const text = error instanceof Error ? error.message : String(error)
        if (!this.#stopping) this.#say('error', `cannot start a worker: ${text}`)
      })
  }
}
