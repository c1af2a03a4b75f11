import { isIP } from 'node:net'
import { blockListQuery, type Resolver } from '@posthorn/dns'
import type { Config } from '../../config/config.ts'
import { type Finding, fail, ok, unknown, warn } from './finding.ts'

/** Asked beside those of the configuration; each with the page where an address is taken off. */
const wellKnown: ReadonlyMap<string, string> = new Map([
  ['zen.spamhaus.org', 'https://check.spamhaus.org/'],
  ['bl.spamcop.net', 'https://www.spamcop.net/bl.shtml'],
  ['b.barracudacentral.org', 'https://www.barracudacentral.org/lookups'],
  ['psbl.surriel.com', 'https://psbl.org/'],
])

/** RFC 5782 §5: a living list has 127.0.0.2, and never 127.0.0.1. */
const listedForTests = '127.0.0.2'
const neverListed = '127.0.0.1'
/** Spamhaus: `127.255.255.*` says that the question was refused. */
const isRefusal = (code: string): boolean => code.startsWith('127.255.255.')

const isPublicAddress = (address: string): boolean =>
  isIP(address) !== 0 &&
  !/^(?:0|10|127)\.|^169\.254\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\.|^100\.(?:6[4-9]|[789]\d|1[01]\d|12[0-7])\.|^(?:::1?$|f[cd]|fe[89ab])/i.test(
    address,
  )

/** Are our addresses on lists that others ask, and do the lists that we ask still live? */
export async function examineBlockLists(
  config: Config,
  resolver: Resolver,
  addresses: readonly string[],
): Promise<readonly Finding[]> {
  const own = addresses.filter(isPublicAddress)
  const zones = new Set([...configuredZones(config), ...wellKnown.keys()])
  return (await Promise.all([...zones].map((zone) => examineZone(config, resolver, zone, own)))).flat()
}

async function examineZone(
  config: Config,
  resolver: Resolver,
  zone: string,
  addresses: readonly string[],
): Promise<readonly Finding[]> {
  const asked = configuredZones(config).includes(zone)
  const subject = `block list ${zone}`
  const [test, never] = await Promise.all([
    blockListQuery(resolver, zone, listedForTests),
    blockListQuery(resolver, zone, neverListed),
  ])
  if (test.kind === 'unavailable') return [unknown(subject, test.reason)]
  if (test.kind === 'listed' && test.codes.some(isRefusal))
    return [unknown(subject, 'refuses questions from this resolver (use one of your own, not a public one)')]
  if (test.kind !== 'listed' || never.kind === 'listed') {
    const text =
      never.kind === 'listed' ? 'lists everybody: it is dead' : 'does not answer as a block list does'
    return [asked ? fail(subject, text, 'remove it from the restrictions') : unknown(subject, text)]
  }
  const findings = await Promise.all(addresses.map((address) => examineAddress(resolver, zone, address)))
  if (addresses.length > 0) return findings
  return asked ? [ok(subject, 'answers')] : []
}

async function examineAddress(resolver: Resolver, zone: string, address: string): Promise<Finding> {
  const listing = await blockListQuery(resolver, zone, address)
  const subject = `block list ${zone}`
  if (listing.kind === 'unavailable') return unknown(subject, listing.reason)
  if (listing.kind === 'not-listed') return ok(subject, `${address} is not listed`)
  const reason = listing.reason === '' ? listing.codes.join(', ') : listing.reason
  const page = wellKnown.get(zone) ?? `the pages of ${zone}`
  return warn(
    subject,
    `${address} is listed: ${reason}`,
    `find out who sends spam from there (\`posthorn log\`, \`mailq\`), stop it, then ask at ${page}`,
  )
}

/** `reject_rbl_client zone=127.0.0.2`, in any list of restrictions. */
function configuredZones({ values }: Config): readonly string[] {
  const zones: string[] = []
  for (const list of [
    values.smtpd_client_restrictions,
    values.smtpd_helo_restrictions,
    values.smtpd_sender_restrictions,
    values.smtpd_relay_restrictions,
    values.smtpd_recipient_restrictions,
  ]) {
    for (const [index, word] of list.entries()) {
      const zone = list[index + 1]?.replace(/=.*/, '')
      if (/^reject_rbl_client$/i.test(word) && zone !== undefined && /^[a-z0-9.-]+$/i.test(zone))
        zones.push(zone)
    }
  }
  return zones
}
