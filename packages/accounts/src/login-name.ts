import { domainToASCII } from 'node:url'

/** RFC 5321 §4.5.3.1: local part 64, domain 255 octets. */
const maxLocalOctets = 64
const maxDomainOctets = 255

/**
 * The one canonical form of a login or address: lower case, NFC, with a domain, the domain in A-labels.
 * undefined for what cannot name an account. A login never contains what a log line, a list or another
 * protocol could take apart (control characters, spaces, angle brackets, quotes, commas, colons, slashes).
 */
export function parseLogin(text: string, defaultDomain: string): string | undefined {
  if (text.length > 2 * (maxLocalOctets + maxDomainOctets)) return undefined
  const name = text.normalize('NFC').toLowerCase()
  const at = name.lastIndexOf('@')
  const local = at === -1 ? name : name.slice(0, at)
  const domain = at === -1 ? defaultDomain : asciiDomain(name.slice(at + 1))
  if (domain === undefined || !isPlainLocalPart(local)) return undefined
  return `${local}@${domain}`
}

export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1)
}

/** Lower case A-label form, or undefined when it is no host name. */
export function asciiDomain(domain: string): string | undefined {
  const name = domain.endsWith('.') ? domain.slice(0, -1) : domain
  const ascii = isAscii(name) ? name.toLowerCase() : domainToASCII(name)
  if (ascii.length === 0 || ascii.length > maxDomainOctets) return undefined
  return ascii.split('.').every(isLabel) ? ascii : undefined
}

function isPlainLocalPart(local: string): boolean {
  if (local === '' || Buffer.byteLength(local) > maxLocalOctets) return false
  if (local.startsWith('.') || local.endsWith('.') || local.includes('..')) return false
  return !/[\u0000-\u0020\u007f-\u00a0\u2000-\u200f\u2028-\u202f\u205f-\u206f\ufeff\ufffd@<>()[\]\\,;:"/*%]/.test(
    local,
  )
}

function isLabel(label: string): boolean {
  return label.length <= 63 && /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/.test(label)
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false
  return true
}
