import ipaddr from 'ipaddr.js'

export type IpAddress = ipaddr.IPv4 | ipaddr.IPv6

export interface Network {
  readonly address: IpAddress
  readonly bits: number
}

/** The same few clients come again and again, and each is compared with many networks. */
const maxKnown = 512
const longestKnown = 45
const known = new Map<string, IpAddress>()

/** IPv4 in its IPv6-mapped form is IPv4; brackets and a zone are dropped. undefined: no address. */
export function parseAddress(text: string): IpAddress | undefined {
  const found = known.get(text)
  if (found !== undefined) return found
  const address = readAddress(text)
  if (address === undefined || text.length > longestKnown) return address
  if (known.size >= maxKnown) known.clear()
  known.set(text, address)
  return address
}

function readAddress(text: string): IpAddress | undefined {
  const plain = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  const bare = plain.split('%')[0] ?? ''
  if (!ipaddr.IPv6.isValid(bare) && !ipaddr.IPv4.isValidFourPartDecimal(bare)) return undefined
  return ipaddr.process(bare)
}

/** `10.0.0.0/8`, `192.168.1.1`, `2001:db8::/32`, `[::1]/128`, and Postfix's `[2001:db8::]/32`. A text: the error. */
export function parseNetwork(text: string): Network | string {
  const match = /^(\[[^\]]+\]|[^/\s]+)(?:\/(\d{1,3}))?$/.exec(text)
  const address = match === null ? undefined : networkAddress(match[1] ?? '', match[2])
  if (address === undefined) return `bad network ${JSON.stringify(text)}: expected address or address/length`
  const width = address.kind() === 'ipv4' ? 32 : 128
  const bits = match?.[2] === undefined ? width : Number(match[2])
  if (bits > width) return `bad network ${JSON.stringify(text)}: at most /${width}`
  if (hasHostBits(address, bits)) {
    return `non-null host address bits in ${JSON.stringify(text)}, perhaps you should use "${firstAddress(address, bits)}/${bits}" instead`
  }
  return { address, bits }
}

/** `[::ffff:127.0.0.0]/104` of Debian's main.cf is of IPv6, as its length says; no client has such an address, as at Postfix. */
function networkAddress(text: string, length: string | undefined): IpAddress | undefined {
  // Not kept: a table of networks would drive out the clients.
  const address = readAddress(text)
  if (length === undefined || address?.kind() !== 'ipv4' || !text.includes(':')) return address
  return ipaddr.IPv6.parse(text.replace(/^\[(.*)\]$/, '$1'))
}

export function networkContains(network: Network, address: IpAddress): boolean {
  if (network.address.kind() !== address.kind()) return false
  return network.address.kind() === 'ipv4'
    ? (address as ipaddr.IPv4).match(network.address as ipaddr.IPv4, network.bits)
    : (address as ipaddr.IPv6).match(network.address as ipaddr.IPv6, network.bits)
}

/** The network of that length around an address, as text: `192.0.2.0/24`. */
export function networkAround(address: IpAddress, bits: number): string {
  return `${firstAddress(address, bits)}/${bits}`
}

function hasHostBits(address: IpAddress, bits: number): boolean {
  return address.toByteArray().some((byte, i) => byte !== maskedByte(byte, i, bits))
}

function firstAddress(address: IpAddress, bits: number): string {
  return ipaddr.fromByteArray(maskedBytes(address, bits)).toString()
}

function maskedBytes(address: IpAddress, bits: number): number[] {
  return address.toByteArray().map((byte, i) => maskedByte(byte, i, bits))
}

function maskedByte(byte: number, at: number, bits: number): number {
  const kept = Math.min(8, Math.max(0, bits - at * 8))
  return byte & (0xff << (8 - kept)) & 0xff
}
