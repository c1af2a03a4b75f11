import type { SmtpClient } from '@posthorn/smtp'
import { parseNextHop } from './next-hop.ts'

/** A connection on its way through several messages. */
export interface PooledConnection {
  readonly client: SmtpClient
  /** Messages it has carried. */
  readonly uses: number
  readonly openedMs: number
  /** The server and the terms, by which mail for other destinations finds it, too: see `endpointOf`. */
  readonly endpoint: string
}

/** Asked at each return: the parameters may change. */
export interface PoolLimits {
  /** Postfix: smtp_connection_cache_destinations: names of next hops, without brackets and port. Default: none. */
  readonly always?: ((name: string) => boolean) | undefined
  /** Postfix: smtp_connection_cache_on_demand: also to others, while one delivery follows the other. */
  readonly onDemand: 'yes' | 'no'
  /** Postfix: smtp_connection_cache_time_limit, connection_cache_ttl_limit; 0 = none are kept. */
  readonly keepMs: number
  /** Postfix: smtp_connection_reuse_time_limit; 0 = none. */
  readonly reuseMs: number
  /** Postfix: smtp_connection_reuse_count_limit: messages after the first one; 0 = none. */
  readonly maxReuses: number
}

interface Idle extends PooledConnection {
  /** Of its latest destination, and of its server. */
  readonly labels: readonly string[]
  readonly timer: NodeJS.Timeout
}

/** Deliveries so shortly one after the other make a destination busy. Postfix: qmgr_entry.c, BACK_TO_BACK_DELIVERY. */
const backToBackMs = 1_000

/** As smtp_connection_cache_destinations has it: no brackets, no port. */
const nameOf = (nextHop: string): string => {
  const hop = parseNextHop(nextHop)
  return hop === undefined ? nextHop : hop.kind === 'unix' ? hop.path : hop.name
}

/** Connections kept for a moment for the next message to the same place. Postfix: smtp_connection_cache_*. */
export class ConnectionPool {
  readonly #idle = new Map<string, Idle[]>()
  /** When the latest delivery was over, the oldest first. */
  readonly #lastDone = new Map<string, number>()

  /** As a delivery begins: whether its connection is for the next one, too. */
  keeps(key: string, nextHop: string, { always, onDemand }: PoolLimits): boolean {
    if (always?.(nameOf(nextHop)) === true) return true
    return onDemand === 'yes' && performance.now() - (this.#lastDone.get(key) ?? -backToBackMs) < backToBackMs
  }

  /** A delivery is over. */
  done(key: string): void {
    const nowMs = performance.now()
    this.#lastDone.delete(key)
    this.#lastDone.set(key, nowMs)
    for (const [old, atMs] of this.#lastDone) {
      if (nowMs - atMs < backToBackMs) break
      this.#lastDone.delete(old)
    }
  }

  /** By the key of its destination, or by its endpoint. */
  take(label: string): PooledConnection | undefined {
    for (let idle = this.#idle.get(label)?.at(-1); idle !== undefined; idle = this.#idle.get(label)?.at(-1)) {
      this.#forget(idle)
      clearTimeout(idle.timer)
      if (idle.client.usable) return idle
      idle.client.quit()
    }
    return undefined
  }

  give(key: string, connection: PooledConnection, limits: PoolLimits): void {
    const { client, uses, openedMs, endpoint } = connection
    const old = limits.reuseMs > 0 && performance.now() - openedMs >= limits.reuseMs
    const worn = limits.maxReuses > 0 && uses > limits.maxReuses
    if (!client.usable || limits.keepMs === 0 || old || worn) {
      client.quit()
      return
    }
    const labels = [key, endpoint]
    const timer = setTimeout(() => {
      this.#forget(idle)
      client.quit()
    }, limits.keepMs)
    const idle: Idle = { client, uses, openedMs, endpoint, labels, timer }
    for (const label of labels) this.#idle.set(label, [...(this.#idle.get(label) ?? []), idle])
  }

  #forget(idle: Idle): void {
    for (const label of idle.labels) {
      const list = this.#idle.get(label)?.filter((one) => one !== idle) ?? []
      if (list.length > 0) this.#idle.set(label, list)
      else this.#idle.delete(label)
    }
  }

  close(): void {
    for (const { client, timer } of new Set([...this.#idle.values()].flat())) {
      clearTimeout(timer)
      client.quit()
    }
    this.#idle.clear()
  }
}
