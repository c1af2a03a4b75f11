import {
  type IpAddress,
  type LookupTable,
  logicalLines,
  lookupIpAddress,
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
import { openTableFile } from '../tables/table-file.ts'

/** mynetworks: networks, `/file`s, tables, `!` negation; the first item that matches decides. */
export interface NetworkList {
  has(address: string): boolean
}

type Item =
  | { readonly kind: 'network'; readonly network: Network; readonly negated: boolean }
  | { readonly kind: 'file'; readonly current: () => readonly Item[]; readonly negated: boolean }
  | { readonly kind: 'table'; readonly table: LookupTable; readonly negated: boolean }

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

function matchItems(items: readonly Item[], address: IpAddress): boolean | undefined {
  for (const item of items) {
    const matches =
      item.kind === 'network'
        ? networkContains(item.network, address)
        : item.kind === 'file'
          ? matchItems(item.current(), address) === true
          : lookupIpAddress(item.table, address.toString()) !== undefined
    if (matches) return !item.negated
  }
  return undefined
}

function parseItem(text: string, where: string, context: TableContext & { readonly tables: Tables }): Item {
  const negated = text.startsWith('!')
  const item = negated ? text.slice(1) : text
  if (item.startsWith('/')) {
    const file = openTableFile(item, item, context, function* (content) {
      const items: Item[] = []
      for (const line of logicalLines(content)) {
        if (line.number % 2_000 === 0) yield
        for (const word of splitListText(line.text)) {
          // A file of networks names no further files.
          if (!/^!?\//.test(word)) items.push(parseItem(word, item, context))
        }
      }
      return items
    })
    return { kind: 'file', current: () => file.current(), negated }
  }
  if (/^[a-z]+:[/{]/i.test(item)) {
    const [table] = context.tables.openAll([item], 'a list of networks')
    if (table !== undefined) return { kind: 'table', table, negated }
  }
  const network = parseNetwork(item)
  if (typeof network === 'string') throw new TableError(where, network)
  return { kind: 'network', network, negated }
}

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
