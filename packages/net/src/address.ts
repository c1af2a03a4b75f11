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

/** What one customer of a network has: an IPv4 address, or an IPv6 /64 (RFC 6177 §2). */
export function customerNetwork(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::', 2)
  const front = head === '' ? [] : head.split(':')
  if (tail === undefined || front.length >= 4) return `${front.slice(0, 4).join(':')}::/64`
  const back = tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => '0')
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`
}
