import { addressesOf, createResolver, type Resolver } from '@posthorn/dns'
import type { Config } from '../../config/config.ts'
import { examineBlockLists } from './block-lists.ts'
import { examineDomainRecords } from './domain-records.ts'
import { type Finding, ok, unknown, warn } from './finding.ts'

/** What the names of this site say about it, as far as DNS can be reached. */
export async function* examineNames(
  config: Config,
  resolver: Resolver = createResolver({}),
): AsyncGenerator<Finding> {
  const { myhostname, auth_default_realm, mydestination } = config.values
  if (!myhostname.includes('.') || myhostname.endsWith('.localdomain') || myhostname.endsWith('.localhost')) {
    yield warn(
      'myhostname',
      `${myhostname} is no name that others know`,
      'set myhostname to the full name of this host',
    )
    return
  }
  yield ok('myhostname', myhostname)
  const addresses = await addressesOf(resolver, myhostname)
  if (addresses.kind === 'temporary') {
    yield unknown(
      'dns',
      `${myhostname}: ${addresses.reason} (/etc/resolv.conf); lists and records are not asked for`,
    )
    return
  }
  if (addresses.kind !== 'records') {
    yield warn('dns', `${myhostname} has no address`, `add: ${myhostname}. IN A <your address>`)
    return
  }
  yield ok('dns', `${myhostname} is ${addresses.records.join(', ')}`)
  for (const address of addresses.records) yield await examineReverse(resolver, myhostname, address)
  const domains = new Set(
    [auth_default_realm, ...mydestination].filter((name) => isPublicDomain(name, myhostname)),
  )
  for (const domain of domains) {
    yield await examineMx(resolver, domain, myhostname)
    yield* await examineDomainRecords(resolver, domain, { myhostname, addresses: addresses.records })
  }
  yield* await examineBlockLists(config, resolver, addresses.records)
}

const isPublicDomain = (name: string, myhostname: string) =>
  /^[a-z0-9.-]+\.[a-z0-9-]+$/i.test(name) &&
  !/(?:^|\.)localhost$|^localhost\.|\.localdomain$/.test(name) &&
  name !== myhostname

async function examineReverse(resolver: Resolver, myhostname: string, address: string): Promise<Finding> {
  const names = await resolver.ptr(address)
  if (
    names.kind === 'records' &&
    names.records.some((name) => name.replace(/\.$/, '').toLowerCase() === myhostname.toLowerCase())
  ) {
    return ok('dns', `${address} is ${myhostname} in reverse`)
  }
  const found = names.kind === 'records' ? `is ${names.records.join(', ')} in reverse` : 'has no reverse name'
  return warn(
    'dns',
    `${address} ${found}, not ${myhostname}: others may refuse our mail`,
    'ask the owner of the address for a PTR record',
  )
}

/** The MX of our domains must lead here. */
async function examineMx(resolver: Resolver, domain: string, myhostname: string): Promise<Finding> {
  const mx = await resolver.mx(domain)
  if (mx.kind === 'temporary')
    return warn('dns', `MX of ${domain} cannot be found out now`, 'check /etc/resolv.conf')
  const hosts = mx.kind === 'records' ? mx.records.map(({ exchange }) => exchange.replace(/\.$/, '')) : []
  if (hosts.some((host) => host.toLowerCase() === myhostname.toLowerCase()))
    return ok('dns', `MX of ${domain} is ${myhostname}`)
  const text =
    hosts.length === 0 ? `${domain} has no MX` : `MX of ${domain} is ${hosts.join(', ')}, not ${myhostname}`
  return warn('dns', text, `add: ${domain}. IN MX 10 ${myhostname}.`)
}
