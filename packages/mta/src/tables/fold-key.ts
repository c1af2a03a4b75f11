import { domainToASCII } from 'node:url'

const ascii = /^[\0-\x7f]*$/

/**
 * A key of a table as it is compared: lower case, its domain in the form of the DNS, so that `info@bücher.example` and
 * `info@xn--bcher-kva.example` are one key, however it is written in the table and in the mail (RFC 5890 §2.3.2.1).
 */
export function foldKey(key: string): string {
  const folded = key.toLowerCase()
  if (ascii.test(folded)) return folded
  const domainAt = folded.lastIndexOf('@') + 1
  // `.example.com`: what is below a domain.
  const start = folded[domainAt] === '.' ? domainAt + 1 : domainAt
  const domain = folded.slice(start)
  // `müller` alone is a user.
  if (domainAt === 0 && !domain.includes('.')) return folded
  return folded.slice(0, start) + (domainToASCII(domain) || domain)
}
