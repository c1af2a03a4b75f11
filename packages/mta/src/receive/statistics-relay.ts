import type { AnvilStatistics, ClientStatistics, CountedEvent } from './anvil-statistics.ts'

/** What one client did in a process since the last telling. */
export interface ClientActivity {
  readonly client: string
  /** The most connections that it had more than before, and how many fewer in the end. */
  readonly peak: number
  readonly open: number
  readonly counts: Partial<Record<CountedEvent, number>>
}

/** How often the processes tell what they counted. */
const tellEveryMs = 1_000
/** Clients in one telling; strangers must not fill the memory. */
const maxClients = 20_000

interface Counted {
  peak: number
  open: number
  readonly counts: Partial<Record<CountedEvent, number>>
}

/** Counts for one of several processes; what it counted goes to the one that knows all, once a second at most. */
export class StatisticsRelay implements ClientStatistics {
  readonly #tell: (activity: readonly ClientActivity[]) => void
  #clients = new Map<string, Counted>()
  #timer: NodeJS.Timeout | undefined

  constructor(tell: (activity: readonly ClientActivity[]) => void) {
    this.#tell = tell
  }

  connected(client: string): void {
    const counted = this.#of(client)
    if (counted === undefined) return
    counted.open++
    counted.peak = Math.max(counted.peak, counted.open)
    this.count('connection', client)
  }

  disconnected(client: string): void {
    const counted = this.#of(client)
    if (counted !== undefined) counted.open--
  }

  count(event: CountedEvent, client: string, times = 1): void {
    const counts = this.#of(client)?.counts
    if (counts !== undefined) counts[event] = (counts[event] ?? 0) + times
  }

  /** Tells what has not been told. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const told = this.#clients
    this.#clients = new Map()
    if (told.size > 0) this.#tell([...told].map(([client, counted]) => ({ client, ...counted })))
  }

  #of(client: string): Counted | undefined {
    const found = this.#clients.get(client)
    if (found !== undefined || this.#clients.size >= maxClients) return found
    const counted: Counted = { peak: 0, open: 0, counts: {} }
    this.#clients.set(client, counted)
    this.#timer ??= setTimeout(() => this.close(), tellEveryMs).unref()
    return counted
  }
}

/** Adds up what several processes tell. */
export class ActivitySum {
  readonly #statistics: AnvilStatistics
  /** Connections open, by process and client: they end with the process. */
  readonly #open = new Map<number, Map<string, number>>()

  constructor(statistics: AnvilStatistics) {
    this.#statistics = statistics
  }

  add(process: number, activity: readonly ClientActivity[]): void {
    const held = this.#open.get(process) ?? new Map<string, number>()
    this.#open.set(process, held)
    for (const { client, peak, open, counts } of activity) {
      this.#statistics.opened(client, peak)
      this.#statistics.opened(client, open - peak)
      for (const [event, times] of Object.entries(counts) as [CountedEvent, number][])
        this.#statistics.count(event, client, times)
      const left = (held.get(client) ?? 0) + open
      if (left > 0) held.set(client, left)
      else held.delete(client)
    }
  }

  gone(process: number): void {
    for (const [client, count] of this.#open.get(process) ?? []) this.#statistics.opened(client, -count)
    this.#open.delete(process)
  }
}
