import { type Address, isDomainName, parseAddressOrLocal } from './address.ts'

/** Never taken apart, Postfix: split_addr(). */
const indivisible = new Set(['double-bounce', 'mailer-daemon'])

/**
 * Postfix: recipient_delimiter. `user+ext` is split at the first delimiter character after the first
 * character. `owner-list` and `list-request` stay whole when `-` delimits (owner_request_special).
 */
export const splitRecipientDelimiter = (
  local: string,
  delimiters: string,
): { readonly user: string; readonly extension: string | undefined } => {
  const whole = { user: local, extension: undefined }
  const lower = local.toLowerCase()
  if (delimiters === '' || indivisible.has(lower)) return whole
  for (let i = 1; i < local.length; i++) {
    const character = local[i] as string
    if (!delimiters.includes(character)) continue
    if (character === '-' && (lower.startsWith('owner-') || lower.endsWith('-request'))) return whole
    return { user: local.slice(0, i), extension: local.slice(i + 1) }
  }
  return whole
}

export interface HiddenRoute {
  readonly kind: 'percent' | 'bang' | 'at'
  readonly address: Address
}

/**
 * The address hidden in a local part: `user@host` (doubled @), `host!user`, `user%host`. An open relay is
 * made of trusting the outer domain of such an address: mta resolves or refuses the inner one.
 * Postfix: swap_bangpath, allow_percent_hack. undefined: none.
 */
export const hiddenRoute = (
  local: string,
  read: { readonly percent: 'yes' | 'no'; readonly bang: 'yes' | 'no' } = { percent: 'yes', bang: 'yes' },
): HiddenRoute | undefined => {
  const at = local.lastIndexOf('@')
  if (at >= 0) return { kind: 'at', address: inner(local.slice(0, at), local.slice(at + 1)) }
  const bang = read.bang === 'yes' ? local.indexOf('!') : -1
  if (bang >= 0) return { kind: 'bang', address: inner(local.slice(bang + 1), local.slice(0, bang)) }
  const percent = read.percent === 'yes' ? local.lastIndexOf('%') : -1
  if (percent < 0) return undefined
  return { kind: 'percent', address: inner(local.slice(0, percent), local.slice(percent + 1)) }
}

/** A hidden domain that is none still is no local user: kept whole as the local part's own text. */
const inner = (local: string, domain: string): Address => {
  const literal = domain.startsWith('[') ? parseAddressOrLocal(`x@${domain}`)?.domain : undefined
  if (literal !== undefined) return { local, domain: literal }
  return { local, domain: isDomainName(domain) ? domain : '' }
}
