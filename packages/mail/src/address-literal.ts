/** `[192.0.2.1]` or `[IPv6:2001:db8::1]`. RFC 5321 §4.1.3. */
export const isAddressLiteral = (text: string): boolean => literalAddress(text) !== undefined

/** The IP address in a literal, without brackets and tag. */
export const literalAddress = (text: string): string | undefined => {
  if (!text.startsWith('[') || !text.endsWith(']') || text.length > 64) return undefined
  const inner = text.slice(1, -1)
  if (/^ipv6:/i.test(inner)) {
    const address = inner.slice(5)
    return isIpv6(address) ? address : undefined
  }
  return isIpv4(inner) ? inner : undefined
}

const isIpv4 = (text: string): boolean => {
  const parts = text.split('.')
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)
}

/** RFC 4291 §2.2: eight groups, one `::`, a dotted quad at the end. */
const isIpv6 = (text: string): boolean => {
  const halves = text.split('::')
  if (halves.length > 2) return false
  const head = groupCount(halves[0] as string, halves.length === 1 ? 'end' : 'start')
  const tail = halves.length === 2 ? groupCount(halves[1] as string, 'end') : 0
  if (head === undefined || tail === undefined) return false
  return halves.length === 1 ? head === 8 : head + tail <= 7
}

const groupCount = (text: string, place: 'end' | 'start'): number | undefined => {
  if (text === '') return 0
  const groups = text.split(':')
  if (groups.length > 8) return undefined
  let count = 0
  for (const [i, group] of groups.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(group)) count++
    else if (place === 'end' && i === groups.length - 1 && isIpv4(group)) count += 2
    else return undefined
  }
  return count
}
