import type { Log } from '@posthorn/mail'

export type CountedEvent = 'connection' | 'message' | 'recipient'

interface ClientCounts {
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

const words: Readonly<Record<CountedEvent, string>> = {
  connection: 'connection rate',
  message: 'message rate',
  recipient: 'recipient rate',
}
/** Clients remembered; strangers must not fill the memory. */
const maxClients = 20_000

/** The largest rates and counts of single clients, a few lines every ten minutes. Postfix: anvil(8), statistics. */
export class AnvilStatistics {
  readonly #log: Log
  readonly #now: () => number
  readonly #clients = new Map<string, ClientCounts>()
  readonly #largest = new Map<string, Largest>()
  #mostClients = 0
  #mostAtMs = 0
  #nextReportMs: number

  constructor(log: Log, now: () => number, intervalMs: number) {
    this.#log = log
    this.#now = now
    this.#nextReportMs = now() + intervalMs
  }

  connected(client: string, unitMs: number): void {
    const counts = this.#clientOf(client)
    if (counts === undefined) return
    counts.open++
    this.#note('connection count', counts.open, client)
    this.count('connection', client, unitMs)
  }

  disconnected(client: string): void {
    const counts = this.#clients.get(client)
    if (counts === undefined) return
    counts.open--
    if (counts.open <= 0) this.#clients.delete(client)
  }

  count(event: CountedEvent, client: string, unitMs: number): void {
    const counts = this.#clientOf(client)
    if (counts === undefined) return
    const nowMs = this.#now()
    if (Math.abs(nowMs - counts.sinceMs) >= unitMs) {
      counts.sinceMs = nowMs
      counts.rates.connection = 0
      counts.rates.message = 0
      counts.rates.recipient = 0
    }
    counts.rates[event]++
    this.#note(`${words[event]} `, counts.rates[event], client)
  }

  /** Says what there was when it is time; `always`: now, at the end. Postfix: anvil_status_update_time. */
  report(unitMs: number, intervalMs: number, when: 'due' | 'always' = 'due'): void {
    const nowMs = this.#now()
    if (when === 'due' && nowMs < this.#nextReportMs) return
    this.#nextReportMs = nowMs + intervalMs
    for (const [what, { value, client, atMs }] of this.#largest) {
      const rate = what.endsWith(' ')
      const shown = rate ? `${what}${value}/${Math.round(unitMs / 1_000)}s` : `${what} ${value}`
      this.#say(`max ${shown} for (${client}) at ${stamp(atMs)}`)
    }
    if (this.#mostClients > 0) this.#say(`max cache size ${this.#mostClients} at ${stamp(this.#mostAtMs)}`)
    this.#largest.clear()
    this.#mostClients = 0
  }

  #say(text: string): void {
    this.#log({ level: 'info', service: 'anvil', text: `statistics: ${text}` })
  }

  #clientOf(client: string): ClientCounts | undefined {
    const found = this.#clients.get(client)
    if (found !== undefined || this.#clients.size >= maxClients) return found
    const counts = { open: 0, rates: { connection: 0, message: 0, recipient: 0 }, sinceMs: this.#now() }
    this.#clients.set(client, counts)
    if (this.#clients.size > this.#mostClients) {
      this.#mostClients = this.#clients.size
      this.#mostAtMs = this.#now()
    }
    return counts
  }

  #note(what: string, value: number, client: string): void {
    if (value > (this.#largest.get(what)?.value ?? 0))
      this.#largest.set(what, { value, client, atMs: this.#now() })
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
