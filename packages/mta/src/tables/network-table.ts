import { ExchangeClient, type ServiceAddress } from '@posthorn/net'
import { type LookupTable, type TableContext, TableError } from './table.ts'
import { LookupFailed, LookupWaits } from './waiting-lookup.ts'

/** A table that another program keeps, asked over a socket. */
export interface NetworkTable {
  readonly address: ServiceAddress
  readonly question: (key: string) => Buffer
  readonly answerLength: (received: Buffer) => number | undefined
  /** undefined: not found. Throws Error with the reason of a temporary failure. */
  readonly read: (answer: Buffer) => string | undefined
  readonly maxAnswerBytes: number
  readonly timeoutMs: number
  readonly tries: number
}

interface Known {
  readonly value: string | undefined
  readonly failure: string | undefined
  readonly arrivedMs: number
  usedMs: number
}

/** A piece of work looks again after each answer: what it has found so far must stay until it is through. */
const keptAfterUseMs = 5_000
const keptAtMostMs = 30_000
const failureKeptMs = 1_000
const maxKnown = 10_000

export function networkTable(spec: string, context: TableContext, table: NetworkTable): LookupTable {
  const { address, timeoutMs, tries, answerLength, maxAnswerBytes } = table
  const client = new ExchangeClient({
    address,
    timeoutMs,
    tries,
    answerLength,
    maxAnswerBytes,
    maxIdleMs: 10_000,
    maxAgeMs: 100_000,
    retryDelayMs: 1_000,
  })
  const known = new Map<string, Known>()
  const asked = new Map<string, Promise<void>>()
  const now = (): number => performance.now()

  function keep(key: string, value: string | undefined, failure: string | undefined): void {
    asked.delete(key)
    if (known.size >= maxKnown) known.clear()
    known.set(key, { value, failure, arrivedMs: now(), usedMs: now() })
  }

  async function ask(key: string): Promise<void> {
    try {
      keep(key, table.read(await client.ask(table.question(key))), undefined)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      context.log({
        level: 'warning',
        service: 'tables',
        text: `${spec} lookup error for "${key}": ${reason}`,
      })
      keep(key, undefined, reason)
    }
  }

  function find(key: string): Known | undefined {
    const found = known.get(key)
    if (found === undefined) return undefined
    const nowMs = now()
    const isFresh =
      found.failure === undefined
        ? nowMs - found.usedMs < keptAfterUseMs && nowMs - found.arrivedMs < keptAtMostMs
        : nowMs - found.arrivedMs < failureKeptMs
    if (!isFresh) {
      known.delete(key)
      return undefined
    }
    found.usedMs = nowMs
    return found
  }

  return {
    name: spec,
    match: 'fixed',
    waits: true,
    lookup(key) {
      const found = find(key)
      if (found?.failure !== undefined) throw new LookupFailed(spec, `lookup error for "${key}"`)
      if (found !== undefined) return found.value
      let settled = asked.get(key)
      if (settled === undefined) {
        settled = ask(key)
        asked.set(key, settled)
      }
      throw new LookupWaits(settled)
    },
    refresh: async () => known.clear(),
  }
}

/** `host:port`, `[2001:db8::1]:port`; undefined: neither. */
export function readHostAndPort(text: string): ServiceAddress | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  return host === undefined || Number(port) < 1 || Number(port) > 65_535
    ? undefined
    : { kind: 'inet', host, port: Number(port) }
}

/** What only text in memory can serve: it is asked where nobody can wait. Throws TableError. */
export function atOnce<T extends LookupTable>(tables: readonly T[], where: string): readonly T[] {
  for (const table of tables)
    if (table.waits === true)
      throw new TableError(table.name, `a table that is asked over a network cannot be used in ${where}`)
  return tables
}
