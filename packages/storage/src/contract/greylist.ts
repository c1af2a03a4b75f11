export interface GreylistTriplet {
  /** Client network: /24 or /64, as text. */
  readonly network: string
  readonly sender: string
  readonly recipient: string
}
export interface GreylistRow extends GreylistTriplet {
  readonly firstSeenMs: number
  readonly lastSeenMs: number
  /** How often: counted once a minute at most. */
  readonly passed: number
}

export interface GreylistStore {
  /**
   * Records an attempt. `wait` says how many ms remain before this triplet passes; 0 = passes.
   * Rules (delay, retry window, expiry, auto-whitelist after n passes of a network) are the caller's.
   */
  attempt(
    triplet: GreylistTriplet,
    rules: {
      readonly nowMs: number
      readonly delayMs: number
      readonly retryWindowMs: number
      readonly maxAgeMs: number
      readonly autoWhitelistPasses: number
    },
  ): Promise<{ readonly waitMs: number; readonly first: boolean; readonly autoWhitelisted: boolean }>
  list(limit?: number): Promise<readonly GreylistRow[]>
  expire(nowMs: number, retryWindowMs: number, maxAgeMs: number): Promise<number>
}
