import type { MessageIntake } from './message-intake.ts'
import type { ProxiedMail } from './proxied-mail.ts'

/** A message on its way to a filter before the queue: it is counted, and looked into by nobody but the filter. */
export function proxiedIntake(proxied: ProxiedMail, sizeLimitBytes: number): MessageIntake {
  let sizeBytes = 0
  const isTooLarge = (): boolean => sizeLimitBytes > 0 && sizeBytes > sizeLimitBytes
  return {
    facts: { hops: 0, deliveredTo: [], messageId: undefined, hasDate: false, hasFrom: false },
    get sizeBytes() {
      return sizeBytes
    },
    get tooLarge() {
      return isTooLarge()
    },
    write(chunk) {
      sizeBytes += chunk.length
      return isTooLarge() ? undefined : proxied.write(chunk)
    },
    checked: () => undefined,
    finish: () => Promise.reject(new Error('a message that is passed on is not stored')),
    abort: () => proxied.close(),
  }
}
