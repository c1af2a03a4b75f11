import { readFileSync } from 'node:fs'
import type { Log } from '@posthorn/mail'

/** What the watch needs to know of a worker. */
export interface WatchedWorker {
  readonly pid: number
  /** Asks for a sign of life. */
  ask(): void
  kill(): void
}

/** Questions within the limit. */
const questions = 6

/**
 * A worker that hangs may hold the store's lock, and then all others wait for it for ever. One that has not answered several
 * questions is killed: locks of the dead are free, and another takes its place. A process that stands still by itself (stopped,
 * traced) goes before those that only wait.
 */
export class WorkerWatch {
  readonly #workers: () => readonly WatchedWorker[]
  readonly #log: Log
  readonly #limitMs: () => number
  /** Questions without an answer, by pid. */
  #open = new Map<number, number>()
  #timer: NodeJS.Timeout | undefined

  /** @param limitMs 0: nobody is watched */
  constructor(workers: () => readonly WatchedWorker[], limitMs: () => number, log: Log) {
    this.#workers = workers
    this.#limitMs = limitMs
    this.#log = log
    this.#later()
  }

  heard(pid: number): void {
    this.#open.delete(pid)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #later(): void {
    const limitMs = this.#limitMs()
    this.#timer = setTimeout(() => this.#look(), limitMs > 0 ? limitMs / questions : 10_000)
    this.#timer.unref()
  }

  #look(): void {
    const workers = this.#limitMs() > 0 ? this.#workers() : []
    const hung = workers.filter(({ pid }) => (this.#open.get(pid) ?? 0) >= questions)
    const still = hung.filter(({ pid }) => standsStill(pid))
    // The others may have waited for it: they are asked once more.
    const chosen = still.length > 0 ? still : hung.slice(0, 1)
    for (const worker of chosen) this.#end(worker)
    const open = new Map<number, number>()
    for (const worker of workers) {
      if (chosen.includes(worker)) continue
      const before = this.#open.get(worker.pid) ?? 0
      open.set(worker.pid, chosen.length > 0 ? Math.min(before, questions - 1) : before + 1)
      worker.ask()
    }
    this.#open = open
    this.#later()
  }

  #end({ pid, kill }: WatchedWorker): void {
    const seconds = Math.round(this.#limitMs() / 1_000)
    const how = standsStill(pid) ? 'it is stopped' : 'it hangs'
    this.#log({
      level: 'error',
      service: 'master',
      text: `process worker pid ${pid} has not answered for ${seconds} s, ${how}: killed`,
    })
    kill()
  }
}

/** Linux: stopped by a signal, or by a debugger. */
function standsStill(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return /^[tT]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}
