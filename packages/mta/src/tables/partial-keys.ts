import { splitRecipientDelimiter } from '@posthorn/mail'
import type { LookupTable } from './table.ts'

/**
 * Partial lookups. Pattern tables are asked with the whole key alone. Generators are avoided: these run
 * for each recipient of each message.
 */

export interface DomainMatching {
  /** parent_domain_matches_subdomains lists the feature: `example.org` matches `a.example.org` too. */
  readonly parentMatchesSubdomains: 'yes' | 'no'
}

interface SplitLocalPart {
  readonly user: string
  readonly extension: string | undefined
  /** The extension with its delimiter. */
  readonly unmatched: string | undefined
}

/** `"a b+x"` is `"a b"` with the extension `x`. */
function splitLocalPart(local: string, delimiter: string): SplitLocalPart {
  const isQuoted = local.startsWith('"') && local.endsWith('"') && local.length > 1
  const name = isQuoted ? local.slice(1, -1) : local
  const { user, extension } = splitRecipientDelimiter(name, delimiter)
  if (extension === undefined) return { user: local, extension, unmatched: undefined }
  const unmatched = name.slice(user.length)
  return { user: isQuoted && !plainLocal.test(user) ? `"${user}"` : user, extension, unmatched }
}

/** RFC 5321 §4.1.2: a Dot-string, which needs no quotes. */
const plainLocal = /^[^\s"(),.:;<>@[\]\\]+(?:\.[^\s"(),.:;<>@[\]\\]+)*$/

/** access(5): a host or domain name, then its parents as `parent` or `.parent`. */
export function lookupDomain(
  table: LookupTable,
  domain: string,
  matching: DomainMatching,
): string | undefined {
  const whole = table.lookup(domain)
  if (whole !== undefined || table.match === 'pattern') return whole
  for (let dot = domain.indexOf('.', 1); dot !== -1; dot = domain.indexOf('.', dot + 1)) {
    const found = table.lookup(
      matching.parentMatchesSubdomains === 'yes' ? domain.slice(dot + 1) : domain.slice(dot),
    )
    if (found !== undefined) return found
  }
  return undefined
}

/** access(5): `1.2.3.4`, `1.2.3`, `1.2`, `1`; `2001:db8::1` shortened at its colons. */
export function lookupIpAddress(table: LookupTable, address: string): string | undefined {
  const whole = table.lookup(address)
  if (whole !== undefined || table.match === 'pattern') return whole
  const separator = address.includes(':') ? ':' : '.'
  for (let end = address.lastIndexOf(separator); end > 0; end = address.lastIndexOf(separator, end - 1)) {
    const found = table.lookup(address.slice(0, end))
    if (found !== undefined) return found
  }
  return undefined
}

/** access(5): `user+ext@domain`, `user@domain`, `domain` and parents, `user+ext@`, `user@`. */
export function lookupAccessAddress(
  table: LookupTable,
  address: string,
  delimiter: string,
  matching: DomainMatching,
): string | undefined {
  const whole = table.lookup(address)
  if (whole !== undefined || table.match === 'pattern') return whole
  const at = address.lastIndexOf('@')
  const local = at === -1 ? address : address.slice(0, at)
  const { user, extension } = splitLocalPart(local, delimiter)
  if (at !== -1) {
    const domain = address.slice(at + 1)
    const found =
      (extension === undefined ? undefined : table.lookup(`${user}@${domain}`)) ??
      lookupDomain(table, domain, matching)
    if (found !== undefined) return found
  }
  return table.lookup(`${local}@`) ?? (extension === undefined ? undefined : table.lookup(`${user}@`))
}

export interface AddressMapping {
  readonly value: string
  /** The extension that the key did not name: appended to the results (propagate_unmatched_extensions). */
  readonly unmatchedExtension: string | undefined
  /** Found by `@domain`. */
  readonly catchAll: boolean
}

/**
 * virtual(5), canonical(5): `user+ext@domain`, `user@domain`, then for local domains `user+ext` and `user`,
 * then `@domain`. Postfix: mail_addr_find().
 */
export function lookupMapping(
  tables: readonly LookupTable[],
  address: string,
  how: { readonly delimiter: string; readonly bareNames: 'yes' | 'no' },
): AddressMapping | undefined {
  const at = address.lastIndexOf('@')
  const local = at === -1 ? address : address.slice(0, at)
  const domain = at === -1 ? '' : address.slice(at)
  const { user, extension, unmatched } = splitLocalPart(local, how.delimiter)
  const ask = (key: string, partial: boolean): string | undefined => {
    for (const table of tables) {
      if (partial && table.match === 'pattern') continue
      const found = table.lookup(key)
      if (found !== undefined) return found
    }
    return undefined
  }
  const result = (value: string | undefined, rest: string | undefined, catchAll = false) =>
    value === undefined ? undefined : { value, unmatchedExtension: rest, catchAll }
  return (
    result(ask(address, false), undefined) ??
    (extension === undefined ? undefined : result(ask(user + domain, true), unmatched)) ??
    (how.bareNames === 'yes' ? result(ask(local, true), undefined) : undefined) ??
    (how.bareNames === 'yes' && extension !== undefined ? result(ask(user, true), unmatched) : undefined) ??
    (domain === '' ? undefined : result(ask(domain, true), undefined, true))
  )
}
