import { logicalLines } from './logical-lines.ts'
import { type Network, networkContains, parseAddress, parseNetwork } from './network.ts'
import { NetworkIndex } from './network-index.ts'
import { openRules } from './rule-lines.ts'
import type { LookupTable, TableType } from './table.ts'
import type { Parse } from './table-file.ts'

type Node =
  /** Rules that follow one another. */
  | { readonly kind: 'rules'; readonly index: NetworkIndex; readonly results: string[] }
  | { readonly kind: 'not'; readonly network: Network; readonly result: string }
  | { readonly kind: 'if'; readonly negated: boolean; readonly network: Network; readonly endIndex: number }

/** cidr_table(5): `network/length result`, `!` before a network, if and endif; the first match counts. */
export const cidr: TableType = (argument, spec, context): LookupTable => {
  const file = openRules(argument, spec, context, parseCidr)
  return {
    name: spec,
    match: 'pattern',
    lookup: (key) => firstMatch(file.current(), key),
    refresh: file.refresh,
  }
}

function firstMatch(nodes: readonly Node[], key: string): string | undefined {
  const address = parseAddress(key)
  if (address === undefined) return undefined
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i] as Node
    if (node.kind === 'rules') {
      const place = node.index.find(address)
      if (place !== undefined) return node.results[place]
      continue
    }
    // A rule for the other family says nothing, negated or not. Postfix: cidr_match_execute().
    const sameFamily = node.network.address.kind() === address.kind()
    const contains = networkContains(node.network, address)
    if (node.kind === 'not') {
      if (sameFamily && !contains) return node.result
    } else if (!sameFamily || contains === node.negated) i = node.endIndex - 1
  }
  return undefined
}

/** To the rules before it, unless they belong to a block that ended at `blockEnd`. */
function addRule(nodes: Node[], network: Network, result: string, blockEnd: number): void {
  let last = nodes.at(-1)
  if (last?.kind !== 'rules' || nodes.length === blockEnd) {
    last = { kind: 'rules', index: new NetworkIndex(), results: [] }
    nodes.push(last)
  }
  last.index.add(network)
  last.results.push(result)
}

/** A line that says nothing is skipped with a warning, and all others count. */
const parseCidr: Parse<readonly Node[]> = function* (text, warn) {
  const nodes: Node[] = []
  const open: { readonly index: number; readonly line: number }[] = []
  let count = 0
  let blockEnd = -1
  const close = (): boolean => {
    const start = open.pop()
    if (start === undefined) return false
    blockEnd = nodes.length
    nodes[start.index] = { ...(nodes[start.index] as Node & { kind: 'if' }), endIndex: blockEnd }
    return true
  }
  for (const line of logicalLines(text)) {
    if (++count % 50 === 0) yield
    const trimmed = line.text.trim()
    const skip = (message: string): void => warn(line.number, `${message}: skipping this rule`)
    if (/^endif$/i.test(trimmed)) {
      if (!close()) skip('endif without if')
      continue
    }
    const match = /^(if\s+)?(!?)\s*(\S+)(?:\s+(.*))?$/is.exec(trimmed)
    const network = parseNetwork(match?.[3] ?? '')
    if (typeof network === 'string') {
      skip(network)
      continue
    }
    const negated = match?.[2] === '!'
    const result = match?.[4]
    if (match?.[1] !== undefined) {
      if (result !== undefined) {
        skip(`extra text after if: ${JSON.stringify(result)}`)
        continue
      }
      open.push({ index: nodes.length, line: line.number })
      nodes.push({ kind: 'if', negated, network, endIndex: 0 })
    } else if (result === undefined) skip('no result: expected network/length result')
    else if (negated) nodes.push({ kind: 'not', network, result })
    else addRule(nodes, network, result, blockEnd)
  }
  for (const { line } of open) warn(line, 'if without endif')
  while (close());
  return nodes
}
