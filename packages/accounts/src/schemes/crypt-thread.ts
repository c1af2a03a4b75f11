import { Worker } from 'node:worker_threads'
import type { CryptAnswer, CryptQuestion } from './crypt-worker.ts'

/** A thread without work ends: most sites need it for the first days of a move only. */
const idleMs = 60_000

interface Running {
  readonly worker: Worker
  readonly waiting: Map<number, PromiseWithResolvers<string | undefined>>
}

let running: Running | undefined
let idle: NodeJS.Timeout | undefined
let count = 0

/** crypt(3) off the event loop. undefined: the form is unknown. Rejects when the thread dies. */
export function cryptInThread(password: Buffer, stored: string): Promise<string | undefined> {
  running ??= start()
  const { worker, waiting } = running
  clearTimeout(idle)
  const question: CryptQuestion = { id: ++count, password, stored }
  const answer = Promise.withResolvers<string | undefined>()
  waiting.set(question.id, answer)
  worker.ref()
  worker.postMessage(question)
  return answer.promise
}

function start(): Running {
  const worker = new Worker(new URL('./crypt-worker.ts', import.meta.url))
  const made: Running = { worker, waiting: new Map() }
  worker.on('message', ({ id, made: text }: CryptAnswer) => {
    made.waiting.get(id)?.resolve(text)
    made.waiting.delete(id)
    if (made.waiting.size === 0) rest(made)
  })
  const end = (error: Error): void => {
    if (running === made) running = undefined
    for (const answer of made.waiting.values()) answer.reject(error)
    made.waiting.clear()
  }
  worker.on('error', end)
  worker.on('exit', (code) => end(new Error(`the thread for password hashes ended (${code})`)))
  return made
}

/** Nothing to do: it holds no process back, and ends after a while. */
function rest(thread: Running): void {
  thread.worker.unref()
  idle = setTimeout(() => {
    if (running === thread) running = undefined
    void thread.worker.terminate()
  }, idleMs)
  idle.unref()
}
