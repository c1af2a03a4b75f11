import type { IpAddress, Network } from './network.ts'

interface Length {
  readonly bits: number
  /** The first network of this length by its first address: its place in the list. */
  readonly places: Map<number | string, number>
}

/**
 * Networks in order, found by address: the first that contains it. A question costs a lookup for each length that
 * occurs, however many networks there are.
 */
export class NetworkIndex {
  readonly #v4: Length[] = []
  readonly #v6: Length[] = []
  #next = 0

  /** Behind all others. @returns its place, from 0. */
  add({ address, bits }: Network): number {
    const lengths = address.kind() === 'ipv4' ? this.#v4 : this.#v6
    let length = lengths.find((one) => one.bits === bits)
    if (length === undefined) {
      length = { bits, places: new Map() }
      lengths.push(length)
    }
    const key = keyOf(address, bits)
    const place = this.#next++
    if (!length.places.has(key)) length.places.set(key, place)
    return place
  }

  /** The place of the first network that contains the address; undefined: none does. */
  find(address: IpAddress): number | undefined {
    let first: number | undefined
    for (const { bits, places } of address.kind() === 'ipv4' ? this.#v4 : this.#v6) {
      const place = places.get(keyOf(address, bits))
      if (place !== undefined && (first === undefined || place < first)) first = place
    }
    return first
  }
}

/** What addresses of one network have in common. */
function keyOf(address: IpAddress, bits: number): number | string {
  if (address.kind() === 'ipv4') {
    const [a = 0, b = 0, c = 0, d = 0] = (address as Extract<IpAddress, { octets: number[] }>).octets
    const number = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
    return bits === 0 ? 0 : (number >>> (32 - bits)) >>> 0
  }
  const { parts } = address as Extract<IpAddress, { parts: number[] }>
  const whole = bits >> 4
  const key = String.fromCharCode(...parts.slice(0, whole))
  const left = bits & 15
  return left === 0 ? key : key + String.fromCharCode((parts[whole] ?? 0) >> (16 - left))
}
