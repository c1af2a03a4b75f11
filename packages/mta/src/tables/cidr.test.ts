import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { networkContains, openTable, parseAddress, parseNetwork } from './index.ts'
import type { Network } from './network.ts'

interface Rule {
  readonly network: string
  readonly negated: boolean
}
type Line = Rule | { readonly condition: Rule; readonly lines: readonly Line[] }

/** Few different octets, so that networks contain one another. */
const octet = fc.constantFrom(0, 1, 127, 128, 255)
const v4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'))
const v6 = fc
  .array(fc.constantFrom('0', '1', '8000', 'ffff'), { minLength: 8, maxLength: 8 })
  .map((parts) => parts.join(':'))
const cut = (address: string, bits: number): string => {
  const bytes = parseAddress(address)?.toByteArray() ?? []
  const kept = bytes.map((byte, i) => byte & (0xff << (8 - Math.min(8, Math.max(0, bits - i * 8)))) & 0xff)
  const text =
    kept.length === 4
      ? kept.join('.')
      : Array.from({ length: 8 }, (_, i) =>
          (((kept[2 * i] ?? 0) << 8) | (kept[2 * i + 1] ?? 0)).toString(16),
        ).join(':')
  return `${text}/${bits}`
}
const network = fc.oneof(
  fc.tuple(v4, fc.integer({ min: 0, max: 32 })).map(([address, bits]) => cut(address, bits)),
  fc.tuple(v6, fc.integer({ min: 0, max: 128 })).map(([address, bits]) => cut(address, bits)),
)
const rule: fc.Arbitrary<Rule> = fc.record({
  network,
  negated: fc.boolean().chain((once) => (once ? fc.boolean() : fc.constant(false))),
})
const { lines } = fc.letrec<{ lines: readonly Line[]; line: Line; block: Line }>((tie) => ({
  lines: fc.array(tie('line'), { maxLength: 6, depthIdentifier: 'cidr' }),
  line: fc.oneof({ depthIdentifier: 'cidr', maxDepth: 3 }, rule, rule, rule, tie('block')),
  block: fc.record({ condition: rule, lines: tie('lines') }),
}))

const textOf = (list: readonly Line[], path = ''): string =>
  list
    .map((line, i) => {
      if (!('condition' in line)) return `${line.negated ? '!' : ''}${line.network} rule${path}-${i}\n`
      const { negated, network } = line.condition
      return `if ${negated ? '!' : ''}${network}\n${textOf(line.lines, `${path}-${i}`)}endif\n`
    })
    .join('')

const matches = ({ network, negated }: Rule, text: string): boolean => {
  const address = parseAddress(text)
  const parsed = parseNetwork(network) as Network
  if (address === undefined || parsed.address.kind() !== address.kind()) return false
  return networkContains(parsed, address) !== negated
}

/** Line by line, as cidr_table(5) says. */
const expected = (list: readonly Line[], address: string, path = ''): string | undefined => {
  for (const [i, line] of list.entries()) {
    if ('condition' in line) {
      const found = matches(line.condition, address)
        ? expected(line.lines, address, `${path}-${i}`)
        : undefined
      if (found !== undefined) return found
    } else if (matches(line, address)) return `rule${path}-${i}`
  }
  return undefined
}

test('cidr_table(5): the first rule that fits, within blocks too, whatever their number', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'cidr-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'table')
  fc.assert(
    fc.property(lines, fc.array(fc.oneof(v4, v6), { minLength: 1, maxLength: 10 }), (list, addresses) => {
      writeFileSync(path, textOf(list), { mode: 0o644 })
      const table = openTable(`cidr:${path}`, { log: () => {}, now: () => 0 })
      for (const address of addresses)
        assert.equal(table.lookup(address), expected(list, address), textOf(list))
    }),
    { numRuns: 200 },
  )
})
