/**
 * The one text form of a peer's address: IPv4 in its own notation also when it came over an IPv6 socket
 * (RFC 4291 §2.5.5.2), IPv6 without its zone.
 */
export function normalizeAddress(address: string): string {
  const zone = address.indexOf('%')
  const bare = zone < 0 ? address : address.slice(0, zone)
  if (bare.length > 7 && bare.slice(0, 7).toLowerCase() === '::ffff:' && bare.includes('.'))
    return bare.slice(7)
  return bare
}

/** `host:port`, with brackets around IPv6. */
export function formatEndpoint(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** How much of an address counts as one client: the bits of its network. */
export interface PrefixLengths {
  readonly ipv4: number
  readonly ipv6: number
}

/** RFC 6177 §2: a customer has an IPv6 /64 at least. */
export const customerPrefixes: PrefixLengths = { ipv4: 32, ipv6: 64 }

/** What one customer of a network has: an IPv4 address, or an IPv6 /64, unless other lengths are given. */
export function customerNetwork(address: string, { ipv4, ipv6 }: PrefixLengths = customerPrefixes): string {
  if (!address.includes(':')) return ipv4 >= 32 ? address : masked(address.split('.'), 10, 8, ipv4, '.')
  const [head = '', tail] = address.split('::', 2)
  const front = head === '' ? [] : head.split(':')
  const plain = ipv6 === 64
  if (tail === undefined || (plain && front.length >= 4))
    return plain ? `${front.slice(0, 4).join(':')}::/64` : masked(front, 16, 16, ipv6, ':')
  const back = tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => '0')
  const groups = [...front, ...zeros, ...back]
  return plain ? `${groups.slice(0, 4).join(':')}::/64` : masked(groups, 16, 16, ipv6, ':')
}

/** `10.0.0.0/8`: all groups, those behind the prefix 0. */
function masked(groups: readonly string[], radix: number, bits: number, length: number, dot: string): string {
  const kept = groups.map((group, n) => {
    const room = Math.min(Math.max(length - n * bits, 0), bits)
    const mask = 2 ** bits - 2 ** (bits - room)
    return (Number.parseInt(group, radix) & mask).toString(radix)
  })
  return `${kept.join(dot)}/${length}`
}
