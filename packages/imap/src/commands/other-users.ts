/** The Other Users namespace: `Other Users/bob/Project` is bob's Project. RFC 2342 §5, RFC 9051 §6.3.10. */
import type { AccountId, Store } from '@posthorn/storage'

export const otherUsers = 'Other Users'
const prefix = `${otherUsers}/`

/** What the names of one client are relative to. */
export interface Viewer {
  readonly store: Store
  readonly account: { readonly id: AccountId; readonly address: string }
}

/** Whose mailbox a name is, and what its owner calls it. */
export interface NamePlace {
  readonly owner: AccountId
  readonly name: string
  /** Before each name of this owner. */
  readonly prefix: string
}

/** undefined: nobody of that name, or the viewer himself, who has no other names for what is his. */
export async function placeOfName({ store, account }: Viewer, name: string): Promise<NamePlace | undefined> {
  if (!name.startsWith(prefix)) return { owner: account.id, name, prefix: '' }
  const end = name.indexOf('/', prefix.length)
  const label = name.slice(prefix.length, end < 0 ? undefined : end)
  const owner = await store.accounts.find(addressOf(label, account.address))
  if (owner === undefined || owner.id === account.id) return undefined
  return { owner: owner.id, name: end < 0 ? '' : name.slice(end + 1), prefix: `${prefix}${label}/` }
}

/** How a viewer calls somebody else's mailbox. */
export function nameAmongOthers(viewerAddress: string, owner: string, name: string): string {
  return `${prefix}${labelOf(owner, viewerAddress)}/${name}`
}

/** `bob` for one of the viewer's own domain, else the address; what would be a separator or a wildcard is escaped. */
function labelOf(address: string, viewerAddress: string): string {
  const domain = domainOf(viewerAddress)
  const short = domainOf(address) === domain ? address.slice(0, -domain.length) : address
  return short.replace(/[%*/]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

function addressOf(label: string, viewerAddress: string): string {
  const text = label.replace(/%(25|2A|2F)/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return text.includes('@') ? text : text + domainOf(viewerAddress)
}

/** With its `@`. */
function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@'))
}
