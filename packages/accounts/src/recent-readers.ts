import type { Store } from '@posthorn/storage'
import type { Authenticator } from './authenticator.ts'
import type { CompleteOptions } from './options.ts'

const readingServices: ReadonlySet<string> = new Set(['imap', 'pop3'])

/** SMTP after POP: addresses from which somebody read mail lately. In the store's counters, so that all workers know. */
export function createRecentReaders(parts: {
  readonly store: Pick<Store, 'counters'>
  readonly now: () => number
  readonly options: () => CompleteOptions
}): { noting(authenticator: Authenticator): Authenticator; has(clientAddress: string): Promise<boolean> } {
  const { now } = parts
  const { counters } = parts.store
  // The whole address: a neighbour in an IPv6 network has not shown a password.
  const keyOf = (clientAddress: string): string => `mail-read ${clientAddress.toLowerCase()}`

  return {
    async has(clientAddress) {
      if (parts.options().popBeforeSmtpMs === 0) return false
      return (await counters.get(keyOf(clientAddress), now())) > 0
    },
    noting: (authenticator) => ({
      ...authenticator,
      async authenticate(credentials, client) {
        const result = await authenticator.authenticate(credentials, client)
        const { popBeforeSmtpMs } = parts.options()
        if (result.ok && popBeforeSmtpMs > 0 && readingServices.has(client.service)) {
          const key = keyOf(client.clientAddress)
          // The time begins anew.
          await counters.reset(key)
          await counters.add(key, 1, now(), popBeforeSmtpMs)
        }
        return result
      },
    }),
  }
}
