/** TLS sessions kept for the next connection under the same demands. RFC 8446 §2.2. Postfix: smtp_tls_session_cache_timeout. */
export class TlsSessions {
  readonly #kept = new Map<string, { readonly session: Buffer; readonly untilMs: number }>()
  readonly #keepMs: number
  readonly #limit: number
  readonly #now: () => number

  constructor(options: { readonly keepMs: number; readonly limit?: number; readonly now?: () => number }) {
    this.#keepMs = options.keepMs
    this.#limit = options.limit ?? 1_000
    this.#now = options.now ?? Date.now
  }

  /** A session is given once: TLS 1.3 tickets used twice tell observers who we are (RFC 8446 §C.4). */
  take(key: string): Buffer | undefined {
    const found = this.#kept.get(key)
    this.#kept.delete(key)
    return found !== undefined && found.untilMs > this.#now() ? found.session : undefined
  }

  keep(key: string, session: Buffer): void {
    if (this.#keepMs <= 0) return
    this.#kept.delete(key)
    if (this.#kept.size >= this.#limit) {
      const oldest = this.#kept.keys().next().value
      if (oldest !== undefined) this.#kept.delete(oldest)
    }
    this.#kept.set(key, { session, untilMs: this.#now() + this.#keepMs })
  }
}
