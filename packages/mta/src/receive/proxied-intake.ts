import { nothingKnown } from './header-gate.ts'
import type { MessageIntake } from './message-intake.ts'
import type { ProxiedMail } from './proxied-mail.ts'

/** A message on its way to a filter before the queue: it is counted, and looked into by nobody but the filter. */
export function proxiedIntake(proxied: ProxiedMail, sizeLimitBytes: number): MessageIntake {
  return new ProxiedIntake(proxied, sizeLimitBytes)
}

class ProxiedIntake implements MessageIntake {
  readonly facts = nothingKnown()
  sizeBytes = 0
  readonly #proxied: ProxiedMail
  readonly #sizeLimitBytes: number

  constructor(proxied: ProxiedMail, sizeLimitBytes: number) {
    this.#proxied = proxied
    this.#sizeLimitBytes = sizeLimitBytes
  }

  get tooLarge(): boolean {
    return this.#sizeLimitBytes > 0 && this.sizeBytes > this.#sizeLimitBytes
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.sizeBytes += chunk.length
    return this.tooLarge ? undefined : this.#proxied.write(chunk)
  }

  checked(): undefined {}

  finish(): Promise<never> {
    return Promise.reject(new Error('a message that is passed on is not stored'))
  }

  abort(): Promise<void> {
    return this.#proxied.close()
  }
}
