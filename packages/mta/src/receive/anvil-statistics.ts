import type { Log } from '@posthorn/mail'

export type CountedEvent = 'connection' | 'message' | 'recipient' | 'newtls' | 'auth'
export const countedEvents: readonly CountedEvent[] = ['connection', 'message', 'recipient', 'newtls', 'auth']

/** Who counts what clients do. A client is named with its service: `smtp:192.0.2.1`. */
export interface ClientStatistics {
  connected(client: string): void
  disconnected(client: string): void
  /** `times` more of what somebody did. */
  count(event: CountedEvent, client: string, times?: number): void
}

export interface StatisticsTimes {
  /** anvil_rate_time_unit. */
  readonly unitMs: number
  /** anvil_status_update_time; 0 = never. */
  readonly reportMs: number
}

interface ClientCounts {
  /** Connections open; of several processes by the name of each. */
  open: number
  readonly rates: Record<CountedEvent, number>
  /** Start of the present unit of time. */
  sinceMs: number
}

interface Largest {
  readonly value: number
  readonly client: string
  readonly atMs: number
}

type Figure = 'count' | CountedEvent
/** The order of anvil(8). */
const figures: readonly Figure[] = ['connection', 'count', 'message', 'recipient', 'newtls', 'auth']

/** Clients remembered; strangers must not fill the memory. */
const maxClients = 20_000

/** The largest rates and counts of single clients, a few lines every ten minutes. Postfix: anvil(8), statistics. */
export class AnvilStatistics implements ClientStatistics {
  readonly #log: Log
  readonly #now: () => number
  readonly #times: () => StatisticsTimes
  readonly #clients = new Map<string, ClientCounts>()
  readonly #largest = new Map<Figure, Largest>()
  #most: { readonly clients: number; readonly atMs: number } | undefined
  #timer: NodeJS.Timeout | undefined

  /** `times` are asked at each use, so that a reload acts at once. */
  constructor(log: Log, now: () => number, times: () => StatisticsTimes) {
    this.#log = log
    this.#now = now
    this.#times = times
  }

  connected(client: string): void {
    this.opened(client, 1)
    this.count('connection', client)
  }

  disconnected(client: string): void {
    this.opened(client, -1)
  }

  /** So many connections more, or fewer. */
  opened(client: string, more: number): void {
    const counts = this.#clientOf(client)
    if (counts === undefined) return
    counts.open += more
    if (more > 0) this.#note('count', counts.open, client)
    if (counts.open <= 0 && !this.#isFresh(counts)) this.#clients.delete(client)
  }

  count(event: CountedEvent, client: string, times = 1): void {
    const counts = this.#clientOf(client)
    if (counts === undefined) return
    if (!this.#isFresh(counts)) {
      counts.sinceMs = this.#now()
      for (const each of countedEvents) counts.rates[each] = 0
    }
    counts.rates[event] += times
    this.#note(event, counts.rates[event], client)
  }

  /** Says what there was since the last time. */
  report(): void {
    const seconds = Math.round(this.#times().unitMs / 1_000)
    for (const figure of figures) {
      const largest = this.#largest.get(figure)
      if (largest === undefined) continue
      const { value, client, atMs } = largest
      const shown = figure === 'count' ? `connection count ${value}` : `${figure} rate ${value}/${seconds}s`
      this.#say(`max ${shown} for (${client}) at ${stamp(atMs)}`)
    }
    if (this.#most !== undefined)
      this.#say(`max cache size ${this.#most.clients} at ${stamp(this.#most.atMs)}`)
    this.#largest.clear()
    this.#most = undefined
    for (const [client, counts] of this.#clients)
      if (counts.open <= 0 && !this.#isFresh(counts)) this.#clients.delete(client)
  }

  /** What was not yet said. */
  close(): void {
    clearTimeout(this.#timer)
    if (this.#times().reportMs > 0) this.report()
  }

  #schedule(): void {
    const { reportMs } = this.#times()
    if (this.#timer !== undefined || reportMs === 0) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.report()
    }, reportMs).unref()
  }

  #isFresh({ sinceMs }: ClientCounts): boolean {
    return Math.abs(this.#now() - sinceMs) < this.#times().unitMs
  }

  #say(text: string): void {
    this.#log({ level: 'info', service: 'anvil', text: `statistics: ${text}` })
  }

  #clientOf(client: string): ClientCounts | undefined {
    const found = this.#clients.get(client)
    if (found !== undefined || this.#clients.size >= maxClients) return found
    const rates = { connection: 0, message: 0, recipient: 0, newtls: 0, auth: 0 }
    const counts = { open: 0, rates, sinceMs: this.#now() }
    this.#clients.set(client, counts)
    if (this.#clients.size > (this.#most?.clients ?? 0))
      this.#most = { clients: this.#clients.size, atMs: this.#now() }
    this.#schedule()
    return counts
  }

  #note(figure: Figure, value: number, client: string): void {
    if (value > (this.#largest.get(figure)?.value ?? 0))
      this.#largest.set(figure, { value, client, atMs: this.#now() })
    this.#schedule()
  }
}

const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

/** `Nov 22 01:57:43`. */
function stamp(ms: number): string {
  const at = new Date(ms)
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = String(at.getDate()).padStart(2)
  return `${months[at.getMonth()]} ${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}
