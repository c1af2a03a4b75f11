import type { Resolver } from '@posthorn/dns'
import { checkSpf } from '@posthorn/mta'
import { type Finding, ok, unknown, warn } from './finding.ts'

const spfTimeoutMs = 5_000

/** What others look up before they take mail of a domain of ours: SPF (RFC 7208) and DMARC (RFC 7489). */
export async function examineDomainRecords(
  resolver: Resolver,
  domain: string,
  site: { readonly myhostname: string; readonly addresses: readonly string[] },
): Promise<readonly Finding[]> {
  return [...(await examineSpf(resolver, domain, site)), await examineDmarc(resolver, domain)]
}

async function examineSpf(
  resolver: Resolver,
  domain: string,
  { myhostname, addresses }: { readonly myhostname: string; readonly addresses: readonly string[] },
): Promise<readonly Finding[]> {
  const found = await resolver.txt(domain)
  if (found.kind === 'temporary') return [unknown('spf', `${domain}: ${found.reason}`)]
  const records = (found.kind === 'records' ? found.records : []).filter((text) => /^v=spf1( |$)/i.test(text))
  if (records.length === 0)
    return [
      warn('spf', `${domain} has no SPF record`, `add: ${domain}. IN TXT "v=spf1 mx a:${myhostname} -all"`),
    ]
  if (records.length > 1)
    return [warn('spf', `${domain} has ${records.length} SPF records: none counts`, 'keep one of them')]
  const checks = addresses.map(async (address): Promise<Finding> => {
    const question = { sender: `postmaster@${domain}`, helo: myhostname, clientAddress: address, myhostname }
    const verdict = await checkSpf(resolver, question, spfTimeoutMs)
    if (verdict === 'pass') return ok('spf', `${domain} lets ${address} send`)
    if (verdict === 'temporary') return unknown('spf', `${domain}: the record could not be followed`)
    return warn(
      'spf',
      `${domain} does not let ${address} send: ${records[0]}`,
      `name it in the record: ip${address.includes(':') ? '6' : '4'}:${address}`,
    )
  })
  return Promise.all(checks)
}

async function examineDmarc(resolver: Resolver, domain: string): Promise<Finding> {
  const found = await resolver.txt(`_dmarc.${domain}`)
  if (found.kind === 'temporary') return unknown('dmarc', `${domain}: ${found.reason}`)
  const records = (found.kind === 'records' ? found.records : []).filter((text) =>
    /^v=DMARC1 *(;|$)/i.test(text),
  )
  if (records.length === 1) return ok('dmarc', `${domain}: ${records[0]}`)
  const text =
    records.length === 0 ? `${domain} has no DMARC record` : `${domain} has ${records.length} DMARC records`
  return warn(
    'dmarc',
    text,
    `add: _dmarc.${domain}. IN TXT "v=DMARC1; p=none; rua=mailto:postmaster@${domain}"`,
  )
}
