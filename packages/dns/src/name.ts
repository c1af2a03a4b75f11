import { isIPv4, isIPv6 } from 'node:net'

/** RFC 1035 §2.3.4: labels of 63 octets, names of 253 in text. */
const maxNameLength = 253
const maxLabelLength = 63

/**
 * A host name that is safe to print and to compare: letters, digits, hyphen, underscore (Windows machines
 * have it), dots between labels. RFC 1123 §2.1. `valid_hostname` of Postfix.
 */
export function isHostName(name: string): boolean {
  if (name.length === 0 || name.length > maxNameLength) return false
  let labelLength = 0
  let digitsOnly = true
  let previous = '.'
  for (const char of name) {
    if (char === '.') {
      if (labelLength === 0 || previous === '-') return false
      labelLength = 0
    } else {
      const isDigit = char >= '0' && char <= '9'
      const isLetter = (char >= 'a' && char <= 'z') || (char >= 'A' && char <= 'Z')
      if (!isDigit && !isLetter && char !== '-' && char !== '_') return false
      if (char === '-' && labelLength === 0) return false
      if (!isDigit) digitsOnly = false
      if (++labelLength > maxLabelLength) return false
    }
    previous = char
  }
  return labelLength > 0 && previous !== '-' && !digitsOnly
}

/** Lower case without the final dot; undefined when it is no usable host name. */
export function hostName(text: string): string | undefined {
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase()
  return isHostName(name) ? name : undefined
}

/** What may be asked at all: any printable ASCII label (`_25._tcp.mx`, a block list's `%` …), lengths checked. */
export function isQuestionName(name: string): boolean {
  if (name.length === 0 || name.length > maxNameLength) return false
  return name
    .split('.')
    .every((label) => label.length > 0 && label.length <= maxLabelLength && /^[!-~]+$/.test(label))
}

/** RFC 1035 §3.5 and RFC 3596 §2.5: labels in reverse, without `in-addr.arpa`. undefined for no address. */
export function reversedAddress(
  address: string,
): { readonly labels: string; readonly zone: string } | undefined {
  if (isIPv4(address)) return { labels: address.split('.').reverse().join('.'), zone: 'in-addr.arpa' }
  const groups = addressGroups(address)
  if (groups === undefined) return undefined
  const nibbles = groups.map((group) => group.toString(16).padStart(4, '0')).join('')
  return { labels: [...nibbles].reverse().join('.'), zone: 'ip6.arpa' }
}

/** The eight groups of an IPv6 address; a zone (`%eth0`) is dropped. */
export function addressGroups(address: string): readonly number[] | undefined {
  const plain = address.split('%')[0] ?? ''
  if (!isIPv6(plain)) return undefined
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(plain)
  const text = dotted
    ? `${dotted[1]}${((Number(dotted[2]) << 8) | Number(dotted[3])).toString(16)}:${((Number(dotted[4]) << 8) | Number(dotted[5])).toString(16)}`
    : plain
  const [head = '', tail] = text.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length
  return [...before, ...Array.from({ length: zeros }, () => '0'), ...after].map((group) =>
    Number.parseInt(group, 16),
  )
}
