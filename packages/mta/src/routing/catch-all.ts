import { type LookupTable, lookupFirst } from '../tables/index.ts'

/** `@example.com example.com/catchall/`: whose mailbox takes what nobody else of the domain takes; undefined: none. */
export type CatchAll = (domain: string) => string | undefined

/** Postfix: virtual(8): `@domain` in virtual_mailbox_maps. Patterns are asked for whole addresses only. */
export function createCatchAll(tables: readonly LookupTable[]): CatchAll | undefined {
  const exact = tables.filter(({ match }) => match !== 'pattern')
  if (exact.length === 0) return undefined
  return (domain) => {
    const path = lookupFirst(exact, `@${domain}`)
    return path === undefined ? undefined : mailboxOfPath(path, domain)
  }
}

/**
 * The account that a path of virtual_mailbox_maps means, with the folders of the guides: `example.com/info/`,
 * `info/`, `example.com/info/Maildir/`; or the address itself.
 */
function mailboxOfPath(path: string, domain: string): string | undefined {
  const value = path.trim().toLowerCase()
  if (/^[^\s/@]+@[^\s/@]+$/.test(value)) return value
  const parts = value.split('/').filter((part) => part !== '' && part !== 'maildir')
  const name = parts.pop()
  if (name === undefined || /[\s@]/.test(name)) return undefined
  const folder = parts.at(-1)
  return `${name}@${folder?.includes('.') === true ? folder : domain}`
}
