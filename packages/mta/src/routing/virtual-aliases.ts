import { type LookupTable, lookupMapping, splitListText } from '../tables/index.ts'

export type VirtualExpansion =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'too-many' }

export interface VirtualAliases {
  /** Applied again to its own results until nothing changes; an address that maps to itself stays. virtual(5). */
  expand(address: string): VirtualExpansion
  has(address: string): boolean
}

export interface VirtualAliasesOptions {
  readonly tables: readonly LookupTable[]
  readonly delimiter: string
  readonly limit: number
  readonly complete: (address: string) => string
  /** virtual(5): bare names match where the site is myorigin or in mydestination. */
  readonly isLocalDomain: (domain: string) => boolean
}

export function createVirtualAliases(options: VirtualAliasesOptions): VirtualAliases {
  const { tables, delimiter, limit, complete } = options

  function lookup(address: string) {
    const domain = address.slice(address.lastIndexOf('@') + 1)
    return lookupMapping(tables, address, {
      delimiter,
      bareNames: options.isLocalDomain(domain) ? 'yes' : 'no',
    })
  }

  function results(address: string): readonly string[] | undefined {
    const mapping = lookup(address)
    if (mapping === undefined) return undefined
    const local = address.slice(0, address.lastIndexOf('@'))
    return splitListText(mapping.value).map((value, i) => {
      // virtual(5): `@otherdomain` keeps the user, for the first address only.
      if (value.startsWith('@') && i === 0) return complete(local + value)
      return withExtension(complete(value), mapping.catchAll ? undefined : mapping.unmatchedExtension)
    })
  }

  return {
    has: (address) => tables.length > 0 && lookup(address) !== undefined,
    expand(address) {
      if (tables.length === 0) return { kind: 'addresses', addresses: [address] }
      const seen = new Set<string>()
      const final = new Set<string>()
      const waiting = [address]
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const key = next.toLowerCase()
        if (seen.has(key)) continue
        seen.add(key)
        if (seen.size > limit) return { kind: 'too-many' }
        const found = results(next)
        if (found === undefined) final.add(next)
        else {
          for (const result of found) {
            if (result.toLowerCase() === key) final.add(next)
            else waiting.push(result)
          }
        }
      }
      return { kind: 'addresses', addresses: [...final] }
    },
  }
}

/** propagate_unmatched_extensions: the extension goes on, unless the result has one already. */
function withExtension(address: string, extension: string | undefined): string {
  if (extension === undefined) return address
  const at = address.lastIndexOf('@')
  const local = address.slice(0, at)
  return local.includes(extension[0] ?? '+') ? address : `${local}${extension}${address.slice(at)}`
}
