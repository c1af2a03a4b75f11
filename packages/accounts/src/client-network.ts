/**
 * What is counted as one client: an IPv4 address, or the /64 of an IPv6 address (a stranger owns all of
 * it). IPv4 mapped into IPv6 is IPv4.
 */
export function clientNetwork(address: string): string {
  const text = address.toLowerCase()
  const zone = text.indexOf('%')
  const plain = zone === -1 ? text : text.slice(0, zone)
  if (!plain.includes(':')) return plain
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)
  if (mapped?.[1] !== undefined) return mapped[1]
  const [head = '', tail] = plain.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const groups = [...before, ...Array.from({ length: missing }, () => '0'), ...after]
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''))
  return `${network.join(':')}::/64`
}
