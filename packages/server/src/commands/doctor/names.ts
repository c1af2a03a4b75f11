import { addressesOf, createResolver, type Resolver } from '@posthorn/dns'
import type { Config } from '../../config/config.ts'
import { listedDomains, ownDomainLists } from '../../services/site-domains.ts'
import { examineBlockLists } from './block-lists.ts'
import { examineDomainRecords } from './domain-records.ts'
import { type Finding, ok, unknown, warn } from './finding.ts'

/** What the names of this site say about it, as far as DNS can be reached. */
export async function* examineNames(
  config: Config,
  resolver: Resolver = createResolver({}),
): AsyncGenerator<Finding> {
  const { myhostname } = config.values
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
  const known = addresses.kind === 'records' ? addresses.records : []
  if (known.length > 0) yield ok('dns', `${myhostname} is ${known.join(', ')}`)
  else
    yield warn(
      'dns',
      `${myhostname} has no address`,
      `add: ${myhostname}. IN A <your address>, and ask the owner of the address for a PTR record that names ${myhostname}`,
    )
  for (const address of known) yield await examineReverse(resolver, myhostname, address)
  const { own, relayed } = domainsOf(config)
  for (const domain of own.slice(0, maxDomains)) {
    yield await examineMx(resolver, domain, { myhostname, preference: 10 })
    yield* await examineDomainRecords(resolver, domain, { myhostname, addresses: known })
  }
  for (const domain of relayed.slice(0, maxDomains))
    yield await examineMx(resolver, domain, { myhostname, preference: 20 })
  const left = [...own.slice(maxDomains), ...relayed.slice(maxDomains)]
  if (left.length > 0) yield unknown('dns', `${left.length} more domains are not asked for`)
  yield* await examineBlockLists(config, resolver, known)
}

/** So many are asked for; a host of thousands has other means. */
const maxDomains = 50

/** Whose MX must lead here: those with mailboxes or aliases, and those that we are the backup of. */
function domainsOf(config: Config): {
  readonly own: readonly string[]
  readonly relayed: readonly string[]
} {
  const { myhostname, auth_default_realm } = config.values
  const namesOf = (list: Parameters<typeof listedDomains>[1]) => listedDomains(config, list, () => {}).names
  const publicOf = (names: readonly string[]) =>
    new Set(names.filter((name) => isPublicDomain(name, myhostname)))
  const own = publicOf([auth_default_realm, ...ownDomainLists.flatMap(namesOf)])
  return { own: [...own], relayed: [...publicOf(namesOf('relay_domains')).difference(own)] }
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
async function examineMx(
  resolver: Resolver,
  domain: string,
  { myhostname, preference }: { readonly myhostname: string; readonly preference: number },
): Promise<Finding> {
  const mx = await resolver.mx(domain)
  if (mx.kind === 'temporary')
    return warn('dns', `MX of ${domain} cannot be found out now`, 'check /etc/resolv.conf')
  const hosts = mx.kind === 'records' ? mx.records.map(({ exchange }) => exchange.replace(/\.$/, '')) : []
  if (hosts.some((host) => host.toLowerCase() === myhostname.toLowerCase()))
    return ok('dns', `MX of ${domain} is ${myhostname}`)
  const text =
    hosts.length === 0 ? `${domain} has no MX` : `MX of ${domain} is ${hosts.join(', ')}, not ${myhostname}`
  return warn('dns', text, `add: ${domain}. IN MX ${preference} ${myhostname}.`)
}
