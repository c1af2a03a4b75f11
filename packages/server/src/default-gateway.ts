import { existsSync, readFileSync } from 'node:fs'

/** Address of the default route in a `/proc/net/route` table (little-endian hexadecimal), or undefined. */
export function gatewayOf(routeTable: string): string | undefined {
  for (const line of routeTable.split('\n').slice(1)) {
    const [, destination, gateway] = line.split(/\s+/)
    if (destination !== '00000000' || gateway === undefined || !/^[0-9A-F]{8}$/i.test(gateway)) continue
    if (gateway === '00000000') continue
    return (gateway.match(/../g) ?? [])
      .map((octet) => Number.parseInt(octet, 16))
      .reverse()
      .join('.')
  }
  return undefined
}

/** The same of `/proc/net/ipv6_route`: destination, its prefix length, source, its length, next hop. */
export function gatewayOf6(routeTable: string): string | undefined {
  const nowhere = '0'.repeat(32)
  for (const line of routeTable.split('\n')) {
    const [destination, length, , , gateway] = line.trim().split(/\s+/)
    if (destination !== nowhere || length !== '00' || gateway === undefined || gateway === nowhere) continue
    if (/^[0-9a-f]{32}$/i.test(gateway)) return (gateway.match(/.{4}/g) ?? []).join(':')
  }
  return undefined
}

/** What a machine tells of itself; tests tell something else. */
export interface MachineFiles {
  exists(path: string): boolean
  /** Throws when there is no such file. */
  read(path: string): string
}

const thisMachine: MachineFiles = { exists: existsSync, read: (path) => readFileSync(path, 'utf8') }

/**
 * The gateways that Docker or Podman put in front of this container; none outside of one. When a port is
 * published through the userland proxy (always so for IPv6 without a v6 network), every client of the
 * world has such an address: to trust it would be an open relay.
 */
export function containerGateways(machine: MachineFiles = thisMachine): readonly string[] {
  if (!['/.dockerenv', '/run/.containerenv'].some((file) => machine.exists(file))) return []
  const read = (path: string, gateway: (table: string) => string | undefined): readonly string[] => {
    try {
      const found = gateway(machine.read(path))
      return found === undefined ? [] : [found]
    } catch {
      return []
    }
  }
  return [...read('/proc/net/route', gatewayOf), ...read('/proc/net/ipv6_route', gatewayOf6)]
}
