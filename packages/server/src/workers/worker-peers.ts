import type { Worker } from 'node:cluster'
import { socketPair } from '@posthorn/net'
import type { PrimaryMessage } from './messages.ts'

/** Gives each worker a connection to each of the others. */
export class WorkerPeers {
  readonly #path: string
  readonly #workers = new Set<Worker>()
  /** Connections are made one after the other, at one place. */
  #making: Promise<void> = Promise.resolve()

  /** @param path where nobody but the owner may connect */
  constructor(path: string) {
    this.#path = path
  }

  /**
   * Resolves when both ends of all its connections are on their way, before whatever it is told next.
   * @throws what socketPair throws
   */
  async join(worker: Worker): Promise<void> {
    const others = [...this.#workers]
    this.#workers.add(worker)
    worker.once('exit', () => this.#workers.delete(worker))
    const made = this.#making.then(async () => {
      for (const other of others) await this.#connect(worker, other)
    })
    this.#making = made.catch(() => {})
    await made
  }

  async #connect(one: Worker, other: Worker): Promise<void> {
    const ends = await socketPair(this.#path)
    const message: PrimaryMessage = { kind: 'peer' }
    for (const [at, worker] of [one, other].entries()) {
      const end = ends[at]
      if (end === undefined) continue
      end.on('error', () => {})
      if (!worker.isConnected()) end.destroy()
      // One that ends meanwhile: the other end closes with this one.
      else worker.send(message, end, (error) => void (error && end.destroy()))
    }
  }
}
