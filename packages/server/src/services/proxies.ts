import { BlockList, isIPv6 } from 'node:net'

/** Postfix writes `[2001:db8::]/32`, Dovecot `2001:db8::/32`; a word without a length is one address. */
function addNetwork(list: BlockList, word: string): void {
  const match = /^\[?([^\]/]+)\]?(?:\/(\d+))?$/.exec(word)
  const address = match?.[1]
  if (address === undefined) return
  const family = isIPv6(address) ? 'ipv6' : 'ipv4'
  const length = match?.[2] === undefined ? (family === 'ipv6' ? 128 : 32) : Number(match[2])
  list.addSubnet(address, length, family)
}

/** Is this client one of the proxies that begin with a PROXY header? Dovecot: haproxy_trusted_networks. */
export function isTrustedProxy(networks: readonly string[]): (address: string) => boolean {
  if (networks.length === 0) return () => false
  const list = new BlockList()
  for (const word of networks) addNetwork(list, word)
  return (address) => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
