import type { Answer } from '@posthorn/smtp'

/** ADDRESS_CLASS_README: whose an address is, by its domain. */
export type AddressClass = 'local' | 'mailbox' | 'virtual-alias' | 'relay' | 'default'

export interface Destination {
  readonly class: AddressClass
  /**
   * `user%host@us`, `host!user@us`, `"user@host"@us`: the outer domain is ours, the inner one is not, or the outer one is
   * of relay_domains. Strangers never relay by it.
   */
  readonly routed: boolean
  readonly domain: string
}

export type Known =
  | { readonly kind: 'known' }
  /** `User unknown in local recipient table`. */
  | { readonly kind: 'unknown'; readonly table: string }
  /** The way there is `error:text`, or `retry:text` with a status of class 4; x.1.1 where it has none. */
  | { readonly kind: 'refused'; readonly status: string; readonly text: string }
  | { readonly kind: 'temporary'; readonly reason: string }
  /** It names a way through an empty domain. */
  | { readonly kind: 'malformed' }

/** What policy asks of routing. */
export interface AddressBook {
  /** `pkumar` → `pkumar@myorigin`; others unchanged. Refusals name addresses as given, tables are asked for complete ones. */
  complete(address: string): string
  classify(address: string): Destination
  /** Whether a recipient (or sender) of a class of ours exists; addresses of other domains are known. */
  verify(address: string): Answer<Known>
  /** Whether an alias leads to who writes as that sender, through other aliases too. */
  isMember(list: string, sender: string): Promise<boolean>
  /** The same person by two spellings: case, extension, a domain of mydestination or none. */
  isSame(one: string, other: string): boolean
  /** Whether the account that logged in may write as that sender. */
  owns(user: string, sender: string, delimiter: string): boolean
}
