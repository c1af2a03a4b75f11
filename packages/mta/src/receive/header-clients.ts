import type { SmtpSession } from '@posthorn/smtp'
import { type LookupTable, lookupIpAddress, TableError, type Tables } from '../tables/index.ts'

/** Whether the header of a client's mail is ours to complete and rewrite. */
export type HeaderClients = (session: SmtpSession) => boolean

type Test = (session: SmtpSession) => boolean

/** An interface that comes or goes is seen after this. */
const addressesMaxAgeMs = 10_000

/**
 * Postfix: local_header_rewrite_clients. `session.trusted` is permit_mynetworks, loopback is one of
 * inet_interfaces. Throws TableError for a word that is neither.
 */
export function createHeaderClients(
  words: readonly string[],
  context: {
    readonly tables: Tables
    readonly localAddresses: () => readonly string[]
    readonly now: () => number
  },
): HeaderClients {
  let own: ReadonlySet<string> = new Set()
  let untilMs = 0
  const isOwnAddress = (address: string): boolean => {
    if (isLoopback(address)) return true
    if (context.now() >= untilMs) {
      own = new Set(context.localAddresses())
      untilMs = context.now() + addressesMaxAgeMs
    }
    return own.has(address)
  }
  const tests = words
    .filter((word) => word !== 'check_address_map')
    .map((word): Test => {
      if (word === 'permit_inet_interfaces') return (session) => isOwnAddress(session.clientAddress)
      if (word === 'permit_mynetworks') return (session) => session.trusted
      if (word === 'permit_sasl_authenticated') return (session) => session.user !== undefined
      if (word === 'permit_tls_clientcerts' || word === 'permit_tls_all_clientcerts') return () => false
      if (!word.includes(':')) throw new TableError(word, 'expected permit_… or type:table')
      const [table] = context.tables.openAll([word], 'local_header_rewrite_clients') as [LookupTable]
      return (session) => lookupIpAddress(table, session.clientAddress) !== undefined
    })
  return (session) => tests.some((test) => test(session))
}

export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.')
}
