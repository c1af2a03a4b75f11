import { BlockList, isIP } from 'node:net'
import type { Login } from './logins.ts'

/** Which sessions are meant; without either all. */
export interface LoginChoice {
  /** An account; `*` and `?` as in file names. Dovecot: the mask of doveadm-who(1). */
  readonly user?: string
  /** An address, or a network with its prefix length. */
  readonly network?: string
}

/** Sessions of one account by one protocol. */
export interface LoginRow {
  readonly user: string
  readonly protocol: string
  readonly count: number
  /** Each once. */
  readonly addresses: readonly string[]
  /** Of the processes that serve them. */
  readonly pids: readonly number[]
  /** Of the oldest; ms since 1970. */
  readonly sinceMs: number
}

/** @throws RangeError when `network` is none. */
export function loginChooser({ user, network }: LoginChoice): (login: Login) => boolean {
  const mask = user === undefined ? undefined : accountMask(user)
  const within = network === undefined ? undefined : networkOf(network)
  return ({ account, clientAddress }) =>
    (mask?.test(account.address) ?? true) && (within?.(clientAddress) ?? true)
}

/** @param mask `*` and `?` stand for anything, and any character; a name without a domain for it in any domain */
export function accountMask(mask: string): RegExp {
  const text = mask.toLowerCase()
  const pattern = (text.includes('@') || text.includes('*') ? text : `${text}@*`)
    .replace(/[.+^${}()|[\]\\/]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${pattern}$`, 's')
}

function networkOf(text: string): (address: string) => boolean {
  const [address = '', prefix] = text.split('/')
  const family = isIP(address)
  const length = Number(prefix ?? (family === 6 ? 128 : 32))
  if (family === 0 || !/^\d{1,3}$/.test(prefix ?? '0') || length > (family === 6 ? 128 : 32))
    throw new RangeError(`not an address or a network: ${text}`)
  const list = new BlockList()
  list.addSubnet(address, length, family === 6 ? 'ipv6' : 'ipv4')
  return (client) => list.check(client, isIP(client) === 6 ? 'ipv6' : 'ipv4')
}

export const sumOfLogins = (logins: readonly Login[]): readonly LoginRow[] =>
  joinedRows(
    logins.map(({ account, protocol, clientAddress, sinceMs }) => ({
      user: account.address,
      protocol,
      count: 1,
      addresses: [clientAddress],
      pids: [process.pid],
      sinceMs,
    })),
  )

/** One for each account and protocol, in order of accounts. */
export function joinedRows(given: readonly LoginRow[]): readonly LoginRow[] {
  const rows = new Map<string, Row>()
  for (const { user, protocol, count, addresses, pids, sinceMs } of given) {
    const key = `${user} ${protocol}`
    const row = rows.get(key) ?? newRow(user, protocol, sinceMs)
    rows.set(key, row)
    row.count += count
    for (const address of addresses) row.addresses.add(address)
    for (const pid of pids) row.pids.add(pid)
    row.sinceMs = Math.min(row.sinceMs, sinceMs)
  }
  return ordered(rows)
}

interface Row {
  readonly user: string
  readonly protocol: string
  count: number
  readonly addresses: Set<string>
  readonly pids: Set<number>
  sinceMs: number
}

const newRow = (user: string, protocol: string, sinceMs: number): Row => ({
  user,
  protocol,
  count: 0,
  addresses: new Set(),
  pids: new Set(),
  sinceMs,
})

const ordered = (rows: ReadonlyMap<string, Row>): readonly LoginRow[] =>
  [...rows]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, row]) => ({
      ...row,
      addresses: [...row.addresses].toSorted(),
      pids: [...row.pids].toSorted((a, b) => a - b),
    }))
