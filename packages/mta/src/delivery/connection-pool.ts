import type { SmtpClient } from '@posthorn/smtp'

/** A connection on its way through several messages. */
export interface PooledConnection {
  readonly client: SmtpClient
  /** Messages it has carried. */
  readonly uses: number
  readonly openedMs: number
}

/** Asked at each return: the parameters may change. */
export interface PoolLimits {
  /** Postfix: smtp_connection_cache_time_limit; 0 = none are kept. */
  readonly keepMs: number
  /** Postfix: smtp_connection_reuse_time_limit; 0 = none. */
  readonly reuseMs: number
  /** Postfix: smtp_connection_reuse_count_limit; 0 = none. */
  readonly maxUses: number
}

interface Idle extends PooledConnection {
  readonly timer: NodeJS.Timeout
}

/** Connections kept for a moment for the next message to the same place. Postfix: smtp_connection_cache_*. */
export class ConnectionPool {
  readonly #idle = new Map<string, Idle[]>()

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
    const worn = limits.maxUses > 0 && uses >= limits.maxUses
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
