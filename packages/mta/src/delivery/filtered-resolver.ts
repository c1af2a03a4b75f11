import type { DnsAnswer, Resolver } from '@posthorn/dns'

/** A record as the filter sees it → what is done with it; undefined: it is taken. */
export type DnsFilter = (record: string) => string | undefined

/**
 * Answers without the records that the filter says IGNORE of. Where none is left the mail waits: what the site does
 * not want to see says nothing about the address. Postfix: smtp_dns_reply_filter, smtpd_dns_reply_filter.
 */
export function filteredResolver(
  resolver: Resolver,
  filter: DnsFilter,
  parameter: 'smtp_dns_reply_filter' | 'smtpd_dns_reply_filter' = 'smtp_dns_reply_filter',
): Resolver {
  const filtered = <T>(answer: DnsAnswer<T>, head: string, textOf: (record: T) => string): DnsAnswer<T> => {
    if (answer.kind !== 'records') return answer
    const seconds = Math.floor(answer.ttlMs / 1000)
    const records = answer.records.filter((record) => {
      const text = `${head.replace('TTL', String(seconds))} ${textOf(record)}`
      return !/^IGNORE\b/i.test(filter(text) ?? '')
    })
    return records.length === 0
      ? { kind: 'temporary', reason: `all records are ignored by ${parameter}` }
      : { ...answer, records }
  }
  const same = (text: string): string => text
  return {
    mx: async (domain) =>
      filtered(
        await resolver.mx(domain),
        `${domain}. TTL IN MX`,
        ({ preference, exchange }) => `${preference} ${exchange}.`,
      ),
    a: async (name) => filtered(await resolver.a(name), `${name}. TTL IN A`, same),
    aaaa: async (name) => filtered(await resolver.aaaa(name), `${name}. TTL IN AAAA`, same),
    ptr: (address) => resolver.ptr(address),
    txt: (name) => resolver.txt(name),
    tlsa: (name) => resolver.tlsa(name),
    ns: (domain) => resolver.ns(domain),
    srv: async (name) =>
      filtered(
        await resolver.srv(name),
        `${name}. TTL IN SRV`,
        ({ priority, weight, port, target }) => `${priority} ${weight} ${port} ${target}.`,
      ),
  }
}
