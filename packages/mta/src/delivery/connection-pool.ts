import type { SmtpClient } from '@posthorn/smtp'
import { parseNextHop } from './next-hop.ts'

/** A connection on its way through several messages. */
export interface PooledConnection {
  readonly client: SmtpClient
  /** Messages it has carried. */
  readonly uses: number
  readonly openedMs: number
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

  take(key: string): PooledConnection | undefined {
    const list = this.#idle.get(key)
    while (list !== undefined && list.length > 0) {
      const idle = list.pop() as Idle
      if (list.length === 0) this.#idle.delete(key)
      clearTimeout(idle.timer)
      if (idle.client.usable) return idle
      idle.client.quit()
    }
    return undefined
  }

  give(key: string, connection: PooledConnection, limits: PoolLimits): void {
    const { client, uses, openedMs } = connection
    const old = limits.reuseMs > 0 && performance.now() - openedMs >= limits.reuseMs
    const worn = limits.maxReuses > 0 && uses > limits.maxReuses
    if (!client.usable || limits.keepMs === 0 || old || worn) {
      client.quit()
      return
    }
    const timer = setTimeout(() => this.#drop(key, client), limits.keepMs)
    const idle = { client, uses, openedMs, timer }
    const list = this.#idle.get(key)
    if (list === undefined) this.#idle.set(key, [idle])
    else list.push(idle)
  }

  #drop(key: string, client: SmtpClient): void {
    const list = this.#idle.get(key)?.filter((idle) => idle.client !== client) ?? []
    if (list.length > 0) this.#idle.set(key, list)
    else this.#idle.delete(key)
    client.quit()
  }

  close(): void {
    for (const list of this.#idle.values()) {
      for (const { client, timer } of list) {
        clearTimeout(timer)
        client.quit()
      }
    }
    this.#idle.clear()
  }
}
