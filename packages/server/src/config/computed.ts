import { existsSync, readFileSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import type { Lookup } from './expand.ts'
import { networkAddress, splitList } from './value.ts'

/** What defaults are found from; given in tests. */
export interface Machine {
  readonly hostname: string
  /** Each interface address with its prefix length. */
  readonly addresses: readonly {
    readonly address: string
    readonly bits: number
    readonly loopback: boolean
  }[]
  readonly exists: (file: string) => boolean
  /** undefined: cannot be read. */
  readonly firstLine: (file: string) => string | undefined
}

export function thisMachine(): Machine {
  const addresses = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map((one) => ({
      address: one.address.replace(/%.*$/, ''),
      bits: Number(one.cidr?.split('/')[1] ?? (one.family === 'IPv6' ? 128 : 32)),
      loopback: one.internal,
    })),
  )
  return { hostname: hostname(), addresses, exists: existsSync, firstLine }
}

function firstLine(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').split('\n', 1)[0]?.trim()
  } catch {
    return undefined
  }
}

/** Folder of the configuration that a package or an administrator installs. */
export const systemConfigFolder = '/etc/posthorn'

/** Defaults of the parameters that the schema marks `computed`. */
export function computedDefault(name: string, machine: Machine, folder: string, lookup: Lookup): string {
  switch (name) {
    case 'myhostname':
      return machine.hostname.includes('.') ? machine.hostname : `${machine.hostname}.localdomain`
    case 'mydomain':
      return parentDomain(lookup('myhostname') ?? '')
    case 'config_directory':
      return folder
    case 'data_directory':
      return folder === systemConfigFolder ? '/var/lib/posthorn' : folder
    case 'alias_maps':
      return machine.exists('/etc/aliases') ? 'hash:/etc/aliases' : ''
    case 'mynetworks':
      return ownNetworks(machine, lookup).join(' ')
    default:
      throw new Error(`No computed default for ${name}`)
  }
}

function parentDomain(host: string): string {
  const dot = host.indexOf('.')
  return dot === -1 ? 'localdomain' : host.slice(dot + 1)
}

/** Postfix: mynetworks_style, over the addresses that inet_interfaces and inet_protocols leave. */
function ownNetworks(machine: Machine, lookup: Lookup): readonly string[] {
  const style = lookup('mynetworks_style') ?? 'host'
  const protocols = splitList(lookup('inet_protocols') ?? 'all')
  const loopbackOnly = (lookup('inet_interfaces') ?? 'all') === 'loopback-only'
  const has = (family: string) => protocols.includes('all') || protocols.includes(family)
  const networks = new Set<string>()
  for (const { address, bits, loopback } of machine.addresses) {
    const six = address.includes(':')
    if (!has(six ? 'ipv6' : 'ipv4') || (loopbackOnly && !loopback)) continue
    const prefix = loopback && !six ? 8 : style === 'host' || loopback ? (six ? 128 : 32) : bits
    const first = networkAddress(`${address}/${prefix}`)
    networks.add(six ? `[${first}]/${prefix}` : `${first}/${prefix}`)
  }
  return [...networks]
}
