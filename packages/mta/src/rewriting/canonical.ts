import type { Tables } from '../tables/index.ts'
import { type AddressMapOptions, extensionsTo, mapAddress } from './address-map.ts'
import { createMasquerade } from './masquerade.ts'

export type AddressRole = 'envelope_sender' | 'envelope_recipient' | 'header_sender' | 'header_recipient'

export interface CanonicalOptions {
  readonly canonicalMaps?: readonly string[]
  readonly senderCanonicalMaps?: readonly string[]
  readonly recipientCanonicalMaps?: readonly string[]
  /** Default: all four. */
  readonly canonicalClasses?: readonly string[]
  readonly senderCanonicalClasses?: readonly string[]
  readonly recipientCanonicalClasses?: readonly string[]
  readonly masqueradeDomains?: readonly string[]
  readonly masqueradeExceptions?: readonly string[]
  readonly masqueradeClasses?: readonly string[]
  readonly recipientDelimiter?: string
  /** propagate_unmatched_extensions. Default: canonical, virtual. */
  readonly propagateExtensions?: readonly string[]
}

/** Rewrites of one role, or undefined where nothing is configured for it. Throws LookupWaits and LookupFailed. */
export type Rewrite = (address: string) => string

export interface Canonical {
  readonly rewrites: Readonly<Record<AddressRole, Rewrite | undefined>>
  /** Whether the tables for envelope recipients name it: then it exists. */
  names(address: string): boolean
}

/** Postfix: canonical maps are applied to their own results so often at most. */
const maxRounds = 10

const defaultClasses = {
  canonical: ['envelope_sender', 'envelope_recipient', 'header_sender', 'header_recipient'],
  sender: ['envelope_sender', 'header_sender'],
  recipient: ['envelope_recipient', 'header_recipient'],
  masquerade: ['envelope_sender', 'header_sender', 'header_recipient'],
} as const

/**
 * canonical(5) and masquerading, in cleanup(8)'s order: the tables for senders or recipients, those for both,
 * then masquerade_domains. undefined: none is configured. Throws TableError.
 */
export function createCanonical(
  options: CanonicalOptions,
  tables: Tables,
  site: Pick<AddressMapOptions, 'complete' | 'isLocalDomain'>,
): Canonical | undefined {
  const mapper = (specs: readonly string[] | undefined): Rewrite | undefined => {
    const opened = tables.openAll(specs ?? [])
    if (opened.length === 0) return undefined
    const how = { ...site, tables: opened, delimiter: options.recipientDelimiter ?? '' }
    return (address) =>
      toTheEnd(address, { ...how, extensions: extensionsTo('canonical', options.propagateExtensions) })
  }
  const both = mapper(options.canonicalMaps)
  const senders = mapper(options.senderCanonicalMaps)
  const recipients = mapper(options.recipientCanonicalMaps)
  const masquerade = createMasquerade(options.masqueradeDomains ?? [], options.masqueradeExceptions ?? [])
  if (both === undefined && senders === undefined && recipients === undefined && masquerade === undefined)
    return undefined
  const steps: readonly (readonly [Rewrite | undefined, readonly string[]])[] = [
    [senders, options.senderCanonicalClasses ?? defaultClasses.sender],
    [recipients, options.recipientCanonicalClasses ?? defaultClasses.recipient],
    [both, options.canonicalClasses ?? defaultClasses.canonical],
    [masquerade, options.masqueradeClasses ?? defaultClasses.masquerade],
  ]
  const rewriteOf = (role: AddressRole, only = steps): Rewrite | undefined => {
    const own = only.flatMap(([rewrite, classes]) =>
      rewrite !== undefined && classes.includes(role) ? [rewrite] : [],
    )
    return own.length === 0 ? undefined : (address) => own.reduce((text, rewrite) => rewrite(text), address)
  }
  const named = rewriteOf('envelope_recipient', steps.slice(0, 3))
  return {
    rewrites: {
      envelope_sender: rewriteOf('envelope_sender'),
      envelope_recipient: rewriteOf('envelope_recipient'),
      header_sender: rewriteOf('header_sender'),
      header_recipient: rewriteOf('header_recipient'),
    },
    names: (address) => named !== undefined && named(address) !== address,
  }
}

function toTheEnd(given: string, how: AddressMapOptions): string {
  let address = given
  for (let round = 0; round < maxRounds; round++) {
    const mapped = mapAddress(address, how)
    if (mapped === undefined || mapped.toLowerCase() === address.toLowerCase()) return mapped ?? address
    address = mapped
  }
  return address
}
