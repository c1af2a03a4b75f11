import { readFileSync } from 'node:fs'
import type { Log } from '@posthorn/mail'
import { createTables, logicalLines, splitListText, TableError } from '@posthorn/mta/tables'
import type { Config } from '../config/config.ts'
import { asciiDomain } from './account-options.ts'

/** Parameters that name the domains whose mail ends here. Postfix: ADDRESS_CLASS_README. */
export const ownDomainLists = ['mydestination', 'virtual_mailbox_domains', 'virtual_alias_domains'] as const

export interface ListedDomains {
  /** In the DNS's spelling, each once; from words, files and tables of fixed keys. */
  readonly names: readonly string[]
  /** Tables that cannot tell what is in them (patterns, other servers), and files and tables that cannot be read. */
  readonly untold: readonly string[]
}

/** What a domain list names. Postfix: domain_list(3). */
export function listedDomains(
  { folder, values, environment }: Config,
  list: (typeof ownDomainLists)[number] | 'relay_domains',
  log: Log,
): ListedDomains {
  const tables = createTables({
    now: Date.now,
    log,
    folder,
    environment,
    unsafeFiles: values.unsafe_files,
  })
  const names = new Set<string>()
  const untold: string[] = []
  for (const word of values[list]) {
    // What is left out is in another item of the list.
    if (word.startsWith('!')) continue
    try {
      const found = word.startsWith('/') ? wordsOf(word) : tableOf(word) ? keysOf(word) : [word]
      if (found === undefined) untold.push(word)
      else for (const name of found) names.add(asciiDomain(name))
    } catch (error) {
      if (!(error instanceof TableError) && !(error instanceof Error && 'code' in error)) throw error
      untold.push(word)
    }
  }
  return { names: [...names], untold }

  function keysOf(spec: string): readonly string[] | undefined {
    const { entries } = tables.open(spec)
    // Addresses stand beside domains where virtual_alias_domains is left to $virtual_alias_maps.
    return entries && [...entries()].map(([key]) => key).filter((key) => /^[^@\s]+\.[^@\s]+$/.test(key))
  }
}

const tableOf = (word: string): boolean => /^[a-z]+:/i.test(word)

function wordsOf(path: string): readonly string[] {
  const lines = [...logicalLines(readFileSync(path, 'utf8'))]
  return lines.flatMap(({ text }) => splitListText(text)).filter((word) => !/[/!:]/.test(word))
}
