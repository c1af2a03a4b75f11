import { domainToASCII } from 'node:url'
import { splitListText } from './list-text.ts'
import { linesPerSlice, logicalLines } from './logical-lines.ts'
import type { Tables } from './open-table.ts'
import { type DomainMatching, lookupDomain } from './partial-keys.ts'
import type { LookupTable, TableContext } from './table.ts'
import { openTableFile, type Parse } from './table-file.ts'

/** mydestination, relay_domains, virtual_alias_domains …: names, `/file`s with names, tables, `!` negation. */
export interface DomainList {
  has(domain: string): boolean
  /** Names given as such, for those who must enumerate. */
  readonly names: readonly string[]
  refresh(): Promise<void>
}

type Item =
  | { readonly kind: 'name'; readonly name: string; readonly negated: boolean }
  | {
      readonly kind: 'file'
      readonly file: { current(): readonly Item[]; refresh(): Promise<void> }
      readonly negated: boolean
    }
  | { readonly kind: 'table'; readonly table: LookupTable; readonly negated: boolean }

export interface DomainListContext extends TableContext {
  readonly tables: Tables
}

/** Postfix: string_list(3), as mydestination has it: an item is one whole name, a table has whole names. */
export type ListMatching = DomainMatching | 'whole-names'

/**
 * Items in order, the first that matches decides. Postfix: domain_list(3): `.example.org` matches
 * subdomains, and `example.org` does too where parent_domain_matches_subdomains says so.
 */
export function createDomainList(
  items: readonly string[],
  context: DomainListContext,
  matching: ListMatching = 'whole-names',
): DomainList {
  const parsed = items.map((item) => parseItem(item, context))
  const exact = new Set(parsed.flatMap((item) => (item.kind === 'name' && !item.negated ? [item.name] : [])))
  const parents = matching !== 'whole-names' && matching.parentMatchesSubdomains === 'yes'
  const plain = parsed.every(
    (item) =>
      item.kind === 'name' && !item.negated && (matching === 'whole-names' || !item.name.startsWith('.')),
  )
  return {
    names: [...exact].filter((name) => !name.startsWith('.')),
    has(domain) {
      const name = asciiName(domain)
      if (plain && !parents) return exact.has(name)
      return matchItems(parsed, name, matching) ?? false
    },
    async refresh() {
      for (const item of parsed) {
        if (item.kind === 'file') await item.file.refresh()
        if (item.kind === 'table') await item.table.refresh()
      }
    },
  }
}

function matchItems(items: readonly Item[], domain: string, matching: ListMatching): boolean | undefined {
  for (const item of items) {
    if (matchItem(item, domain, matching)) return !item.negated
  }
  return undefined
}

function matchItem(item: Item, domain: string, matching: ListMatching): boolean {
  if (item.kind === 'file') return matchItems(item.file.current(), domain, matching) === true
  if (item.kind === 'table') {
    const { table } = item
    const found = matching === 'whole-names' ? table.lookup(domain) : lookupDomain(table, domain, matching)
    return found !== undefined
  }
  if (item.name === domain) return true
  if (matching === 'whole-names') return false
  if (item.name.startsWith('.')) return domain.endsWith(item.name)
  return matching.parentMatchesSubdomains === 'yes' && domain.endsWith(`.${item.name}`)
}

/** Lower case, U-labels as A-labels (RFC 5891 §4.4), so that each domain has one spelling. */
export function asciiName(domain: string): string {
  if (!/[^ -~]/.test(domain)) return domain.toLowerCase()
  return domainToASCII(domain) || domain.toLowerCase()
}

function parseItem(text: string, context: DomainListContext): Item {
  const negated = text.startsWith('!')
  const item = negated ? text.slice(1) : text
  if (item.startsWith('/')) return { kind: 'file', file: openNamesFile(item, context), negated }
  if (/^[a-z]+:/i.test(item)) return { kind: 'table', table: context.tables.open(item), negated }
  return { kind: 'name', name: asciiName(item), negated }
}

function openNamesFile(path: string, context: DomainListContext) {
  const parse: Parse<Item[]> = function* (text) {
    const items: Item[] = []
    let count = 0
    for (const line of logicalLines(text)) {
      if (++count % linesPerSlice === 0) yield
      // A file of names names no further files.
      for (const word of splitListText(line.text)) {
        if (!word.startsWith('/') && !word.startsWith('!/')) items.push(parseItem(word, context))
      }
    }
    return items
  }
  return openTableFile(path, path, context, parse, 'names')
}
