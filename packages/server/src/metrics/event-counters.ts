import type { Log, LogEvent } from '@posthorn/mail'
import { Counter, type CounterConfiguration, Histogram, type Registry } from 'prom-client'

/** What happened since this process began, told by the same events that the log is written from. */
export interface EventCounters {
  /** Passes events on, and counts them. */
  readonly log: Log
}

const delayBuckets = [0.1, 0.5, 1, 5, 30, 60, 300, 1800, 3600, 14_400, 86_400, 432_000]

/** Reading a line costs a few comparisons of characters: thousands pass in a second. */
export function createEventCounters(registry: Registry, log: Log): EventCounters {
  const registers = [registry]
  const connections = new Counter({
    name: 'posthorn_smtp_connections_total',
    help: 'SMTP sessions that began',
    registers,
  })
  const received = tally({
    name: 'posthorn_messages_received_total',
    help: 'Messages taken in, by the way they came',
    labelNames: ['by'],
    registers,
  })
  const rejected = new Counter({
    name: 'posthorn_smtp_rejects_total',
    help: 'Refusals, by stage and first digit of the reply',
    labelNames: ['stage', 'class'],
    registers,
  })
  const deliveries = tally({
    name: 'posthorn_deliveries_total',
    help: 'Outcomes of delivery attempts by recipient',
    labelNames: ['status', 'agent'],
    registers,
  })
  const delays = new Delays(registers)
  const logins = new Counter({
    name: 'posthorn_logins_total',
    help: 'Logins by service and outcome',
    labelNames: ['service', 'outcome'],
    registers,
  })
  const troubles = new Counter({
    name: 'posthorn_log_lines_total',
    help: 'Warnings and errors in the log',
    labelNames: ['level'],
    registers,
  })
  const count = ({ level, service, queueId, text }: LogEvent): void => {
    if (level !== 'info' && level !== 'debug') troubles.inc({ level })
    if (isOfMessage(text) || text.startsWith('disconnect from ')) return
    if (text.startsWith('to=<')) {
      const status = statusOf(text)
      if (status === undefined) return
      deliveries.count(status, agentOf(service))
      if (status === 'sent') delays.add(delayOf(text))
    } else if (text.startsWith('connect from ')) connections.inc()
    else if (queueId !== undefined && text.startsWith('client=')) {
      received.count('smtp')
      if (text.includes('sasl_username=')) logins.inc({ service: 'smtp', outcome: 'ok' })
    } else if (queueId !== undefined && text.startsWith('uid=')) received.count('local')
    else if (text.includes('reject: ')) countReject(text)
    else if (text.startsWith('Login: ')) logins.inc({ service: readerOf(service), outcome: 'ok' })
    else if (text.includes('authentication failed')) logins.inc({ service: 'smtp', outcome: 'failed' })
    else if (text.startsWith('Disconnected: Auth failed') || text.includes('(auth failed'))
      logins.inc({ service: readerOf(service), outcome: 'failed' })
  }
  const countReject = (text: string): void => {
    const at = text.indexOf('reject: ')
    const [stage = '', from] = text.slice(at + 8, at + 40).split(' ')
    if (from !== 'from') return
    const code = /\]: ([45])\d\d /.exec(text.slice(at, at + 400))?.[1] ?? '5'
    rejected.inc({ stage: stage.replace(/[^A-Za-z-]/g, ''), class: `${code}xx` })
  }
  return {
    log: (event) => {
      count(event)
      log(event)
    },
  }
}

/** Two or three lines of each message, in the words of its sender: they are not searched for what we say. */
const isOfMessage = (text: string): boolean =>
  text.startsWith('message-id=') || text.startsWith('from=<') || text === 'removed'

interface Tally {
  /** The labels in the order of their names, without blanks. */
  count(first: string, second?: string): void
}

/** The library makes a key of the labels each time; here that is left until somebody looks. */
function tally<Name extends string>(configuration: CounterConfiguration<Name>): Tally {
  const names = configuration.labelNames ?? []
  const waiting = new Map<string, number>()
  new Counter({
    ...configuration,
    collect() {
      for (const [key, times] of waiting) {
        const labels = key.split(' ')
        const named = Object.fromEntries(names.map((name, i) => [name, labels[i] ?? '']))
        this.inc(named as Record<Name, string>, times)
      }
      waiting.clear()
    },
  })
  return {
    count(first, second) {
      const key = second === undefined ? first : `${first} ${second}`
      waiting.set(key, (waiting.get(key) ?? 0) + 1)
    },
  }
}

const maxDelaysWaiting = 1_000

class Delays {
  readonly #histogram: Histogram
  #waiting: number[] = []

  constructor(registers: Registry[]) {
    this.#histogram = new Histogram({
      name: 'posthorn_delivery_delay_seconds',
      help: 'From arrival to delivery',
      buckets: delayBuckets,
      registers,
      collect: () => this.#enter(),
    })
  }

  add(seconds: number): void {
    this.#waiting.push(seconds)
    if (this.#waiting.length >= maxDelaysWaiting) this.#enter()
  }

  #enter(): void {
    for (const seconds of this.#waiting) this.#histogram.observe(seconds)
    this.#waiting = []
  }
}

const statuses = ['sent', 'deferred', 'bounced', 'expired', 'undeliverable', 'deliverable']

function statusOf(text: string): string | undefined {
  const at = text.lastIndexOf(', status=')
  if (at === -1) return undefined
  const word = text.slice(at + 9, at + 24)
  return statuses.find((status) => word.startsWith(status))
}

function delayOf(text: string): number {
  const at = text.indexOf(', delay=')
  const seconds = at === -1 ? 0 : Number.parseFloat(text.slice(at + 8, at + 24))
  return Number.isFinite(seconds) ? seconds : 0
}

/** No labels without bound: a name of master.cf is `other`. */
const agents = new Set(['smtp', 'lmtp', 'local', 'virtual', 'pipe', 'error', 'discard', 'relay'])
/** `out/smtp`, of a line of master.cf with a syslog_name, is an smtp. */
const agentOf = (service: string): string => {
  const agent = service.slice(service.lastIndexOf('/') + 1)
  return agents.has(agent) ? agent : 'other'
}
const readerOf = (service: string): string => (service.startsWith('imap') ? 'imap' : 'pop3')
