import type { DnsAnswer, SrvRecord } from '@posthorn/dns'
import type { NextHop } from './next-hop.ts'

/** Which next hops are looked up by SRV records. Postfix: use_srv_lookup. */
export interface SrvLookups {
  readonly services: readonly string[]
  /** Of a next hop that names none: smtp, or lmtp. */
  readonly defaultService: string
  /** Where there are no such records. Postfix: allow_srv_lookup_fallback. */
  readonly withoutRecords: 'refused' | 'mx'
  /** Where nobody can say. Postfix: ignore_srv_lookup_error. */
  readonly withoutAnswer: 'deferred' | 'mx'
}

/** `_submission._tcp.example.net` for `example.net:submission`; undefined: it is not looked up so. RFC 6186 §3.1. */
export const srvNameOf = (hop: NextHop, lookups: SrvLookups | undefined): string | undefined => {
  if (lookups === undefined || hop.kind !== 'domain') return undefined
  const service = hop.port === undefined ? lookups.defaultService : hop.service
  return service !== undefined && lookups.services.includes(service)
    ? `_${service}._tcp.${hop.name}`
    : undefined
}

/** `mx`: as if there were no SRV look-ups. */
export const withoutSrv = (
  answer: Exclude<DnsAnswer<SrvRecord>, { kind: 'records' }>,
  { withoutRecords, withoutAnswer }: SrvLookups,
): 'mx' | 'deferred' | 'refused' => {
  if (withoutRecords === 'mx') return 'mx'
  return answer.kind === 'temporary' ? withoutAnswer : 'refused'
}

/**
 * The order to try them in: by priority, then by lot, where a record of twice the weight is first twice as often.
 * RFC 2782.
 * @param random gives numbers in [0, 1)
 */
export const srvOrder = (records: readonly SrvRecord[], random: () => number): readonly SrvRecord[] => {
  const ordered: SrvRecord[] = []
  const byPriority = records.toSorted((a, b) => a.priority - b.priority || a.weight - b.weight)
  for (const group of Map.groupBy(byPriority, ({ priority }) => priority).values()) {
    const left = [...group]
    while (left.length > 0) {
      const sum = left.reduce((total, { weight }) => total + weight, 0)
      // With whole numbers from 0 to the sum a record without weight has a small chance, too.
      let lot = Math.floor(random() * (sum + 1))
      const at = left.findIndex(({ weight }) => {
        lot -= weight
        return lot <= 0
      })
      ordered.push(...left.splice(at, 1))
    }
  }
  return ordered
}
