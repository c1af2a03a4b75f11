import type { Socket } from 'node:net'
import type { Wake, WakeBus } from '@posthorn/storage'

/**
 * Wake-ups between workers, over a connection to each of the others: by way of the primary a third process would have to be woken
 * for each. One that is lost costs latency, never correctness: sessions look into the store at their next command anyway.
 */
export class WakeLinks implements WakeBus {
  readonly #links = new Set<WakeLink>()
  readonly #listeners = new Set<(wake: Wake) => void>()
  /** Of the group of units that was committed in this turn. */
  #news: Wake[] = []

  /** @param socket to another worker; until it ends */
  add(socket: Socket): void {
    const link = new WakeLink(socket, (wake) => this.receive(wake))
    this.#links.add(link)
    socket.once('close', () => this.#links.delete(link))
  }

  publish(wake: Wake): void {
    // Before the acknowledgements of the group, which are promises.
    if (this.#news.push(wake) === 1) queueMicrotask(() => this.#flush())
  }

  subscribe(listener: (wake: Wake) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  receive(wake: Wake): void {
    for (const listener of this.#listeners) listener(wake)
  }

  #flush(): void {
    const news = this.#news
    this.#news = []
    for (const link of this.#links) link.send(news)
  }
}

/** One line of JSON for each group of wake-ups. */
class WakeLink {
  readonly #socket: Socket
  /** While the other one does not read: the newest of each mailbox, and so on. */
  readonly #waiting = new Map<string, Wake>()
  #tail = ''

  constructor(socket: Socket, receive: (wake: Wake) => void) {
    this.#socket = socket
    socket.setEncoding('utf8')
    // The end of the other worker; 'close' follows.
    socket.on('error', () => {})
    socket.on('drain', () => this.#sendWaiting())
    socket.on('data', (text: string) => this.#take(text, receive))
    socket.resume()
    // It keeps no process from ending.
    socket.unref()
  }

  send(wakes: readonly Wake[]): void {
    if (!this.#socket.writableNeedDrain) this.#socket.write(`${JSON.stringify(wakes)}\n`)
    else for (const wake of wakes) this.#waiting.set(keyOf(wake), wake)
  }

  #sendWaiting(): void {
    if (this.#waiting.size === 0) return
    const wakes = [...this.#waiting.values()]
    this.#waiting.clear()
    this.send(wakes)
  }

  #take(text: string, receive: (wake: Wake) => void): void {
    const lines = (this.#tail + text).split('\n')
    this.#tail = lines.pop() ?? ''
    for (const line of lines) for (const wake of JSON.parse(line) as readonly Wake[]) receive(wake)
  }
}

const keyOf = (wake: Wake): string =>
  wake.kind === 'mailbox' ? `mailbox ${wake.mailbox}` : JSON.stringify(wake)
