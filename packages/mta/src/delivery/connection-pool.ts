import type { SmtpClient } from '@posthorn/smtp'

interface Idle {
  readonly client: SmtpClient
  readonly uses: number
  readonly timer: NodeJS.Timeout
}

/** Connections kept for a moment for the next message to the same place. Postfix: smtp_connection_cache_*. */
export class ConnectionPool {
  readonly #idle = new Map<string, Idle[]>()
  readonly #keepMs: number
  readonly #maxUses: number

  /** @param options.keepMs Postfix: smtp_connection_cache_time_limit; 0 = none are kept. */
  constructor(options: { readonly keepMs: number; readonly maxUses: number }) {
    this.#keepMs = options.keepMs
    this.#maxUses = options.maxUses
  }

  take(key: string): { readonly client: SmtpClient; readonly uses: number } | undefined {
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

  /** @param uses messages this connection has carried. */
  give(key: string, client: SmtpClient, uses: number): void {
    if (!client.usable || uses >= this.#maxUses || this.#keepMs === 0) {
      client.quit()
      return
    }
    const timer = setTimeout(() => this.#drop(key, client), this.#keepMs)
    const idle = { client, uses, timer }
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
