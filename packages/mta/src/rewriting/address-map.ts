import { type LookupTable, lookupMapping, splitListText } from '../tables/index.ts'

export interface AddressMapOptions {
  readonly tables: readonly LookupTable[]
  readonly delimiter: string
  /** Results without a domain get myorigin. */
  readonly complete: (address: string) => string
  /** Where bare names in the table match: myorigin, mydestination. */
  readonly isLocalDomain: (domain: string) => boolean
  /** propagate_unmatched_extensions. */
  readonly extensions: 'propagated' | 'dropped'
}

/** Postfix: propagate_unmatched_extensions. */
export const extensionsTo = (
  what: 'canonical' | 'virtual' | 'generic',
  propagated: readonly string[] = ['canonical', 'virtual'],
): AddressMapOptions['extensions'] => (propagated.includes(what) ? 'propagated' : 'dropped')

/**
 * canonical(5), generic(5): `user+ext@domain`, `user@domain`, `user` at a site of ours, `@domain`; a result
 * `@other` keeps the user. undefined: not in the tables.
 */
export function mapAddress(address: string, options: AddressMapOptions): string | undefined {
  if (address === '') return undefined
  const at = address.lastIndexOf('@')
  const mapping = lookupMapping(options.tables, address, {
    delimiter: options.delimiter,
    bareNames: options.isLocalDomain(address.slice(at + 1)) ? 'yes' : 'no',
  })
  const [first] = mapping === undefined ? [] : splitListText(mapping.value)
  if (mapping === undefined || first === undefined) return undefined
  const local = address.slice(0, at)
  if (first.startsWith('@')) return options.complete(local + first)
  const result = options.complete(first)
  const extension = mapping.catchAll ? undefined : mapping.unmatchedExtension
  if (extension === undefined || options.extensions === 'dropped') return result
  const end = result.lastIndexOf('@')
  return `${result.slice(0, end)}${extension}${result.slice(end)}`
}
