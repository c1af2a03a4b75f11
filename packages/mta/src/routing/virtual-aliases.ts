import { type LookupTable, lookupMapping, splitListText } from '../tables/index.ts'

export type VirtualExpansion =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  /** In Postfix's words, with the address that led there. */
  | { readonly kind: 'unreasonable'; readonly text: string }

export interface VirtualAliases {
  /** Applied again to its own results until nothing changes; an address that maps to itself stays. virtual(5). */
  expand(address: string): VirtualExpansion
  has(address: string): boolean
}

export interface VirtualAliasesOptions {
  readonly tables: readonly LookupTable[]
  readonly delimiter: string
  /** Postfix: virtual_alias_expansion_limit. */
  readonly limit: number
  /** Postfix: virtual_alias_recursion_limit. */
  readonly recursionLimit: number
  /** Octets. Postfix: virtual_alias_address_length_limit. */
  readonly addressLimitBytes: number
  readonly complete: (address: string) => string
  /** propagate_unmatched_extensions. */
  readonly extensions: 'propagated' | 'dropped'
  /** virtual(5): bare names match where the site is myorigin or in mydestination. */
  readonly isLocalDomain: (domain: string) => boolean
}

/** How an address was reached: a circle comes by itself again. */
interface Step {
  readonly address: string
  readonly key: string
  readonly depth: number
  readonly before: Step | undefined
}

export function createVirtualAliases(options: VirtualAliasesOptions): VirtualAliases {
  const { tables, delimiter, complete } = options

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
      const isKept = !mapping.catchAll && options.extensions === 'propagated'
      const result = complete(value)
      return isKept && !isOwnName(result, address, mapping.unmatchedExtension)
        ? withExtension(result, mapping.unmatchedExtension)
        : result
    })
  }

  return {
    has: (address) => tables.length > 0 && lookup(address) !== undefined,
    expand: (address) =>
      tables.length === 0 ? { kind: 'addresses', addresses: [address] } : expand(address, options, results),
  }
}

/** Postfix: cleanup_map1n_internal(). */
function expand(
  address: string,
  { limit, recursionLimit, addressLimitBytes }: VirtualAliasesOptions,
  results: (address: string) => readonly string[] | undefined,
): VirtualExpansion {
  const unreasonable = (what: string): VirtualExpansion => ({
    kind: 'unreasonable',
    text: `unreasonable virtual_alias_maps ${what}`,
  })
  const seen = new Set<string>()
  const final = new Set<string>()
  const waiting: Step[] = [{ address, key: address.toLowerCase(), depth: 0, before: undefined }]
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
    const { key } = step
    if (seen.has(key)) {
      if (isCircle(step)) return unreasonable(`map nesting for ${address}`)
      continue
    }
    seen.add(key)
    const found = results(step.address)
    if (found === undefined) final.add(step.address)
    else {
      const depth = step.depth + 1
      if (depth >= recursionLimit) return unreasonable(`map nesting for ${address}`)
      for (const result of found) {
        if (Buffer.byteLength(result) > addressLimitBytes)
          return unreasonable(`result ${result.slice(0, 300)}...`)
        const resultKey = result.toLowerCase()
        if (resultKey === key) final.add(step.address)
        else waiting.push({ address: result, key: resultKey, depth, before: step })
      }
    }
    if (waiting.length + final.size > limit) return unreasonable(`map expansion size for ${address}`)
  }
  return { kind: 'addresses', addresses: [...final] }
}

function isCircle({ key, before }: Step): boolean {
  for (let step = before; step !== undefined; step = step.before) if (step.key === key) return true
  return false
}

/** `alice` → `alice+inbox`: asked again, it would grow for ever. */
function isOwnName(result: string, address: string, extension: string | undefined): boolean {
  if (extension === undefined) return true
  const at = address.lastIndexOf('@')
  const user = address.slice(0, at).slice(0, -extension.length)
  const delimiter = extension[0] ?? '+'
  const domain = address.slice(at)
  return (
    result.toLowerCase().startsWith(`${user}${delimiter}`.toLowerCase()) &&
    result.toLowerCase().endsWith(domain.toLowerCase())
  )
}

/** propagate_unmatched_extensions: the extension goes on. */
export function withExtension(address: string, extension: string | undefined): string {
  if (extension === undefined) return address
  const at = address.lastIndexOf('@')
  return `${address.slice(0, at)}${extension}${address.slice(at)}`
}
