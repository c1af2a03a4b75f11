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

/**
 * The gateway that Docker puts in front of this container, or undefined outside of one. When the port is
 * published through the userland proxy (always so for IPv6 without a v6 network), every client of the
 * world has this address: to trust it would be an open relay.
 */
export function containerGateway(): string | undefined {
  if (!existsSync('/.dockerenv') && !existsSync('/run/.containerenv')) return undefined
  try {
    return gatewayOf(readFileSync('/proc/net/route', 'utf8'))
  } catch {
    return undefined
  }
}
