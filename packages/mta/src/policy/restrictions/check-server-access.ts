import { addressesOf, type Resolver } from '@posthorn/dns'
import { type LookupTable, lookupDomain, lookupIpAddress } from '../../tables/index.ts'
import {
  clientSubject,
  heloSubject,
  type PolicyRequest,
  recipientSubject,
  type Subject,
  senderSubject,
} from '../request.ts'
import { type PolicyParts, type Restriction, restriction } from '../restriction.ts'
import { dunno, type Verdict } from '../verdict.ts'

type ServerKind = 'mx' | 'ns' | 'a'

/** A stranger's DNS may name any number. */
const maxServers = 20

interface Named {
  readonly domain: string
  readonly subject: Subject
}

const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1)

/** Whose servers are looked up; undefined: there is no name. */
const sources: Readonly<Record<string, (request: PolicyRequest, parts: PolicyParts) => Named | undefined>> = {
  client: (request) => named(request.client.name.name, clientSubject(request)),
  reverse_client_hostname: (request) => named(request.client.name.reverseName, clientSubject(request)),
  helo: (request) => named(request.helo, heloSubject(request)),
  sender: (request, parts) =>
    request.sender
      ? named(domainOf(parts.addresses.complete(request.sender)), senderSubject(request))
      : undefined,
  recipient: (request, parts) =>
    request.recipient
      ? named(domainOf(parts.addresses.complete(request.recipient)), recipientSubject(request))
      : undefined,
}

const subjects: Readonly<Record<string, (request: PolicyRequest) => Subject>> = {
  helo: heloSubject,
  sender: senderSubject,
  recipient: recipientSubject,
}

function named(domain: string, subject: Subject): Named | undefined {
  return domain === '' || domain === 'unknown' ? undefined : { domain, subject }
}

/** `check_sender_mx_access` and its kind: access(5) by the names and addresses of a domain's servers. */
export const serverAccessRestrictions: readonly Restriction[] = Object.entries(sources).flatMap(
  ([from, nameIn]) =>
    (['mx', 'ns', 'a'] as const).map((kind) =>
      restriction({
        names: [`check_${from}_${kind}_access`],
        argument: 'table',
        about: subjects[from] ?? clientSubject,
        make(parts, spec) {
          const table = parts.tables.open(spec)
          return async (request, _subject, depth) => {
            const found = nameIn(request, parts)
            if (found === undefined) return dunno
            const action = await actionOfServers(parts, table, kind, found.domain)
            if (action === undefined) return dunno
            const verdict = await parts.act(action, table, found.domain, found.subject, request, depth)
            return permitless(parts, table, found.domain, verdict)
          }
        },
      }),
    ),
)

/** Whoever owns a domain chooses its servers: they are no reason to trust it. Postfix: check_server_access(). */
function permitless(parts: PolicyParts, table: LookupTable, domain: string, verdict: Verdict): Verdict {
  if (verdict.kind !== 'permit') return verdict
  const text = `access table ${table.name}: ${domain}: OK is not allowed for servers found in DNS, use DUNNO`
  parts.log({ level: 'warning', service: 'smtpd', text })
  return dunno
}

async function actionOfServers(
  parts: PolicyParts,
  table: LookupTable,
  kind: ServerKind,
  domain: string,
): Promise<string | undefined> {
  const literal = /^\[(?:IPv6:)?([^\]]+)\]$/i.exec(domain)?.[1]
  if (literal !== undefined) return kind === 'a' ? lookupIpAddress(table, literal) : undefined
  for (const host of (await serversOf(parts.dns, kind, domain)).slice(0, maxServers)) {
    const byName = lookupDomain(table, host, parts)
    if (byName !== undefined) return byName
    const addresses = await addressesOf(parts.dns, host)
    for (const address of addresses.kind === 'records' ? addresses.records.slice(0, maxServers) : []) {
      const byAddress = lookupIpAddress(table, address)
      if (byAddress !== undefined) return byAddress
    }
  }
  return undefined
}

/** What DNS does not answer is not held against anyone. */
async function serversOf(dns: Resolver, kind: ServerKind, domain: string): Promise<readonly string[]> {
  if (kind === 'a') return [domain]
  if (kind === 'mx') {
    const mx = await dns.mx(domain)
    if (mx.kind === 'records') return mx.records.map(({ exchange }) => exchange).filter((one) => one !== '')
    return mx.kind === 'temporary' ? [] : [domain]
  }
  // The zone's cut may be above: name servers are those of the nearest parent that has any.
  for (let name = domain; name.includes('.'); name = name.slice(name.indexOf('.') + 1)) {
    const ns = await dns.ns(name)
    if (ns.kind === 'records') return ns.records
    if (ns.kind === 'temporary') return []
  }
  return []
}
