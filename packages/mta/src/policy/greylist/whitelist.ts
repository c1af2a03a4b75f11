import { RE2JS } from 're2js'
import {
  type IpAddress,
  type LogicalLine,
  logicalLines,
  type Network,
  networkContains,
  parseAddress,
  parseNetwork,
  type TableContext,
  TableError,
} from '../../tables/index.ts'
import { openTableFile } from '../../tables/table-file.ts'

/** Compiled entries of one whitelist file. */
interface Entries {
  /** `example.org` matches itself and subdomains. */
  readonly domains: ReadonlySet<string>
  readonly addresses: ReadonlySet<string>
  readonly networks: readonly Network[]
  readonly patterns: readonly RE2JS[]
}

export interface ClientWhitelist {
  has(clientName: string, clientAddress: string): boolean
}

export interface RecipientWhitelist {
  has(recipient: string): boolean
}

/**
 * postgrey's whitelist_clients: host or domain (with subdomains), IP, `1.2.3` for a network of octets,
 * CIDR, /regular expression/ on the client's name.
 */
export function openClientWhitelist(path: string, context: TableContext): ClientWhitelist {
  const file = openTableFile(path, path, context, parseWhitelist(path, 'clients'), 'whitelist clients')
  return {
    has(name, address) {
      const entries = file.current()
      return (
        matchesNetwork(entries.networks, parseAddress(address)) || matchesName(entries, name.toLowerCase())
      )
    },
  }
}

/**
 * postgrey's whitelist_recipients: `user@domain`, `user@` anywhere, domain (with subdomains),
 * /regular expression/ on the whole address.
 */
export function openRecipientWhitelist(path: string, context: TableContext): RecipientWhitelist {
  const file = openTableFile(path, path, context, parseWhitelist(path, 'recipients'), 'whitelist recipients')
  return {
    has(recipient) {
      const entries = file.current()
      const address = recipient.toLowerCase()
      const at = address.lastIndexOf('@')
      if (entries.addresses.has(address) || entries.addresses.has(address.slice(0, at + 1))) return true
      const unextended = address.replace(/^([^+@]+)\+[^@]*@/, '$1@')
      if (entries.addresses.has(unextended) || entries.addresses.has(`${unextended.split('@')[0]}@`))
        return true
      if (matchesDomain(entries.domains, address.slice(at + 1))) return true
      return entries.patterns.some((pattern) => pattern.test(address))
    },
  }
}

function matchesName(entries: Entries, name: string): boolean {
  if (name === '' || name === 'unknown') return false
  return matchesDomain(entries.domains, name) || entries.patterns.some((pattern) => pattern.test(name))
}

function matchesDomain(domains: ReadonlySet<string>, name: string): boolean {
  if (domains.size === 0) return false
  for (let start = 0; start !== -1; ) {
    if (domains.has(name.slice(start))) return true
    const dot = name.indexOf('.', start)
    start = dot === -1 ? -1 : dot + 1
  }
  return false
}

function matchesNetwork(networks: readonly Network[], address: IpAddress | undefined): boolean {
  return address !== undefined && networks.some((network) => networkContains(network, address))
}

const parseWhitelist = (path: string, kind: 'clients' | 'recipients') =>
  function* (text: string): Generator<void, Entries> {
    const domains = new Set<string>()
    const addresses = new Set<string>()
    const networks: Network[] = []
    const patterns: RE2JS[] = []
    let count = 0
    for (const line of logicalLines(text)) {
      if (++count % 100 === 0) yield
      const entry = withoutComment(line.text)
      const network = kind === 'clients' ? octetsNetwork(entry) : undefined
      if (entry.startsWith('/')) patterns.push(compile(entry, line, path))
      else if (kind === 'recipients' && entry.includes('@')) addresses.add(entry.toLowerCase())
      else if (network !== undefined) networks.push(network)
      else if (/^[a-z0-9_.-]+$/i.test(entry)) domains.add(entry.toLowerCase().replace(/^\./, ''))
      else
        throw new TableError(
          path,
          `expected a host, address, network or /pattern/ (found ${JSON.stringify(entry)})`,
          line.number,
        )
    }
    return { domains, addresses, networks, patterns }
  }

function withoutComment(text: string): string {
  const comment = text.search(/\s#/)
  return (comment === -1 ? text : text.slice(0, comment)).trim()
}

/** `192.0.2`, `192.0.2.0/24`, `2001:db8::/32`; undefined: something else. */
function octetsNetwork(text: string): Network | undefined {
  if (!/^[0-9a-f.:[\]]+(?:\/\d+)?$/i.test(text) || !/[.:]/.test(text)) return undefined
  const octets = /^\d{1,3}(?:\.\d{1,3}){0,2}\.?$/.test(text) ? text.replace(/\.$/, '').split('.') : undefined
  const spelt =
    octets === undefined ? text : `${[...octets, '0', '0', '0'].slice(0, 4).join('.')}/${octets.length * 8}`
  const network = parseNetwork(spelt)
  return typeof network === 'string' ? undefined : network
}

function compile(entry: string, line: LogicalLine, path: string): RE2JS {
  const match = /^\/(.*)\/(i?)$/.exec(entry)
  if (match === null) throw new TableError(path, 'pattern is not closed with /', line.number)
  try {
    return RE2JS.compile(match[1] ?? '', RE2JS.CASE_INSENSITIVE)
  } catch (error) {
    throw new TableError(
      path,
      `bad pattern: ${error instanceof Error ? error.message : String(error)}`,
      line.number,
    )
  }
}
