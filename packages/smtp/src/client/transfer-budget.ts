import type { SmtpClientTimeouts } from './options.ts'

/** How long the next piece of a message may take. Postfix: vstream(3), VSTREAM_CTL_MIN_DATA_RATE. */
export class TransferBudget {
  readonly #pieceMs: number
  readonly #rate: number
  #deadlineMs: number

  constructor({ dataXferMs, minDataRate = 0 }: Pick<SmtpClientTimeouts, 'dataXferMs' | 'minDataRate'>) {
    this.#pieceMs = dataXferMs
    this.#rate = minDataRate
    this.#deadlineMs = performance.now() + dataXferMs
  }

  /** Milliseconds, at least 1; 0 = without end, as in smtp_data_xfer_timeout. */
  leftMs(): number {
    if (this.#rate === 0 || this.#pieceMs === 0) return this.#pieceMs
    return Math.max(1, this.#deadlineMs - performance.now())
  }

  /** The server has taken this. */
  sent(octets: number): void {
    if (this.#rate === 0) return
    const earned = this.#deadlineMs + (octets / this.#rate) * 1000
    this.#deadlineMs = Math.min(earned, performance.now() + this.#pieceMs)
  }
}
