import { createDomainList, type DomainList } from '../tables/domain-list.ts'
import {
  type IpAddress,
  type LookupTable,
  logicalLines,
  type Network,
  networkAround,
  networkContains,
  parseAddress,
  parseNetwork,
  splitListText,
  type TableContext,
  TableError,
  type Tables,
} from '../tables/index.ts'
import { type DomainMatching, lookupDomain } from '../tables/partial-keys.ts'
import { openTableFile, type Parse } from '../tables/table-file.ts'

/** mynetworks: networks, `/file`s, tables, `!` negation; the first item that matches decides. */
export interface NetworkList {
  has(address: string): boolean
}

/** Clients by address or by verified name; the first item that matches decides. Postfix: namadr_list(3). */
export interface ClientList {
  has(address: string, name: string): boolean
}

type Item =
  | { readonly kind: 'name'; readonly list: DomainList; readonly negated: boolean }
  | { readonly kind: 'network'; readonly network: Network; readonly negated: boolean }
  | { readonly kind: 'file'; readonly current: () => readonly Item[]; readonly negated: boolean }
  | {
      readonly kind: 'table'
      readonly table: LookupTable
      readonly negated: boolean
      readonly names: DomainMatching | undefined
    }

/** Throws TableError. Postfix: addr_match_list(3). */
export function createNetworkList(
  items: readonly string[],
  context: TableContext & { readonly tables: Tables },
): NetworkList {
  const parsed = items.map((item) => parseItem(item, 'mynetworks', context))
  const has = (text: string): boolean => {
    const address = parseAddress(text)
    return address !== undefined && matchItems(parsed, address) === true
  }
  return { has: parsed.every(({ kind }) => kind === 'network') ? remembered(has) : has }
}

/** Throws TableError. */
export function createClientList(
  items: readonly string[],
  context: TableContext & { readonly tables: Tables },
  matching: DomainMatching,
): ClientList {
  const parsed = items.map((item) => parseItem(item, 'a list of clients', { ...context, names: matching }))
  return {
    has: (text, name) => {
      const address = parseAddress(text)
      return address !== undefined && matchItems(parsed, address, name) === true
    },
  }
}

const maxRemembered = 10_000

/** Asked two or three times at each connection, by clients that come again and again. */
function remembered(has: (address: string) => boolean): (address: string) => boolean {
  const answers = new Map<string, boolean>()
  return (address) => {
    const known = answers.get(address)
    if (known !== undefined) return known
    const answer = has(address)
    if (answers.size >= maxRemembered) answers.clear()
    answers.set(address, answer)
    return answer
  }
}

/** `name`: of the client, where names may match. */
function matchItems(items: readonly Item[], address: IpAddress, name?: string): boolean | undefined {
  for (const item of items) if (matchItem(item, address, name)) return !item.negated
  return undefined
}

function matchItem(item: Item, address: IpAddress, name: string | undefined): boolean {
  switch (item.kind) {
    case 'network':
      return networkContains(item.network, address)
    case 'name':
      return name !== undefined && item.list.has(name)
    case 'file':
      return matchItems(item.current(), address, name) === true
    case 'table':
      // The whole address: `192.168.1` as a key trusts nobody, as at Postfix (match_hostaddr).
      if (item.table.lookup(address.toString()) !== undefined) return true
      return (
        name !== undefined &&
        item.names !== undefined &&
        lookupDomain(item.table, name, item.names) !== undefined
      )
  }
}

interface ListContext extends TableContext {
  readonly tables: Tables
  /** Host names may stand in the list, and match so. */
  readonly names?: DomainMatching
}

function parseItem(text: string, where: string, context: ListContext): Item {
  const negated = text.startsWith('!')
  const item = negated ? text.slice(1) : text
  if (item.startsWith('/')) {
    const parse: Parse<Item[]> = function* (content) {
      const items: Item[] = []
      let count = 0
      for (const line of logicalLines(content)) {
        if (++count % 100 === 0) yield
        for (const word of splitListText(line.text)) {
          // A file of networks names no further files.
          if (!/^!?\//.test(word)) items.push(parseItem(word, item, context))
        }
      }
      return items
    }
    const { names } = context
    const kind = names === undefined ? 'networks' : `clients ${names.parentMatchesSubdomains}`
    const file = openTableFile(item, item, context, parse, kind)
    return { kind: 'file', current: () => file.current(), negated }
  }
  if (/^[a-z]+:[/{]/i.test(item)) {
    const [table] = context.tables.openAll([item], 'a list of networks')
    if (table !== undefined) return { kind: 'table', table, negated, names: context.names }
  }
  const network = parseNetwork(item)
  if (typeof network === 'string' && context.names !== undefined && isHostPattern(item))
    return { kind: 'name', list: createDomainList([item], context, context.names), negated }
  if (typeof network === 'string') throw new TableError(where, network)
  return { kind: 'network', network, negated }
}

/** `mail.example.org`, `.example.org`; what is all digits is a network that was mistyped. */
const isHostPattern = (text: string): boolean => /^[.A-Za-z0-9_-]{1,255}$/.test(text) && /[A-Za-z]/.test(text)

/** One of the machine's own addresses, as node:os tells it. */
export interface OwnAddress {
  readonly address: string
  readonly prefixBits: number
}

/** mynetworks when it is not set. Postfix: mynetworks_style; loopback is always in it. */
export function networksOfStyle(
  style: 'host' | 'subnet' | 'class',
  own: readonly OwnAddress[],
): readonly string[] {
  const networks = new Set(['127.0.0.0/8', '[::1]/128'])
  for (const { address, prefixBits } of own) {
    const parsed = parseAddress(address)
    if (parsed === undefined || parsed.range() === 'loopback') continue
    const width = parsed.kind() === 'ipv4' ? 32 : 128
    const bits = style === 'host' ? width : style === 'subnet' ? prefixBits : classBits(parsed, prefixBits)
    const network = networkAround(parsed, bits)
    networks.add(width === 32 ? network : network.replace(/^(.*)\/(\d+)$/, '[$1]/$2'))
  }
  return [...networks]
}

function classBits(address: IpAddress, prefixBits: number): number {
  if (address.kind() === 'ipv6') return prefixBits
  const first = address.toByteArray()[0] ?? 0
  return first < 128 ? 8 : first < 192 ? 16 : 24
}
