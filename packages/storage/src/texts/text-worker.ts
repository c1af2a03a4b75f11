import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { TextPlaces, TextResult, TextTask } from './text-thread.ts'

/** Ended after this long without a task: its memory is given back. */
const idleMs = 4_000

/**
 * A thread has no cache of compiled code of its own accord. Without it each start spends 250 ms of processor time on
 * reading what it runs, with it 70; and mail that begins to come in starts one.
 */
function withCompiledCode(): Record<string, string> {
  const ofThisNode = getCompileCacheDir()
  return ofThisNode === undefined ? {} : { NODE_COMPILE_CACHE: dirname(ofThisNode) }
}

/** One task at a time in a thread that is there only while there is something to do. */
export class TextWorker {
  readonly #places: TextPlaces
  #worker: Worker | undefined
  #timer: NodeJS.Timeout | undefined
  #isHeld = false

  constructor(places: TextPlaces) {
    this.#places = places
  }

  get isThere(): boolean {
    return this.#worker !== undefined
  }

  async run(task: TextTask): Promise<TextResult> {
    clearTimeout(this.#timer)
    const worker = (this.#worker ??= this.#start())
    try {
      return await new Promise<TextResult>((resolve) => {
        worker.removeAllListeners()
        worker.once('message', resolve)
        worker.once('error', (error) => resolve({ error: error.message, code: '' }))
        worker.once('exit', () => resolve({ error: 'The thread has ended', code: '' }))
        worker.postMessage(task)
      })
    } finally {
      worker.removeAllListeners()
      worker.once('error', () => this.#forget(worker))
      worker.once('exit', () => this.#forget(worker))
      this.#timer = setTimeout(() => void this.stop(), idleMs)
      this.#timer.unref()
    }
  }

  /** Somebody waits: the process does not end before the tasks do. */
  hold(): void {
    this.#isHeld = true
    this.#worker?.ref()
  }

  letGo(): void {
    this.#isHeld = false
    this.#worker?.unref()
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
  }

  #start(): Worker {
    const worker = new Worker(new URL('./text-thread.ts', import.meta.url), {
      workerData: this.#places,
      execArgv: [],
      env: withCompiledCode(),
      resourceLimits: { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 },
    })
    if (!this.#isHeld) worker.unref()
    return worker
  }

  #forget(worker: Worker): void {
    if (this.#worker === worker) this.#worker = undefined
  }
}
