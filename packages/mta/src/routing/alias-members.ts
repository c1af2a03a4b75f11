import type { Log } from '@posthorn/mail'
import { type LookupTable, lookupFirst } from '../tables/index.ts'
import type { AddressClasses } from './address-classes.ts'
import { type AliasTarget, parseAliasValue, parseTargetLines } from './alias-value.ts'
import { localName } from './reach.ts'
import { readIncludeFile } from './safe-file.ts'
import type { VirtualAliases } from './virtual-aliases.ts'

export interface MemberParts {
  readonly aliases: readonly LookupTable[]
  readonly virtual: VirtualAliases
  readonly classes: AddressClasses
  readonly delimiter: string
  readonly log: Log
}

const maxMembers = 100_000

/**
 * Everybody that a list leads to through virtual aliases, aliases and `:include:` files, lists within it included;
 * where users forward their own mail is theirs. Addresses as `comparable` gives them.
 */
export async function aliasMembers(parts: MemberParts, list: string): Promise<ReadonlySet<string>> {
  const members = new Set<string>()
  const waiting = [parts.classes.complete(list)]
  const own = comparable(parts, list)
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const key = comparable(parts, next)
    if (members.has(key) || members.size >= maxMembers) continue
    members.add(key)
    const expanded = parts.virtual.expand(next)
    if (expanded.kind === 'addresses') waiting.push(...expanded.addresses)
    const { address } = parts.classes.unroute(next)
    if (parts.classes.classOf(address.slice(address.lastIndexOf('@') + 1)) !== 'local') continue
    const local = localName(address, parts.delimiter)
    const value = lookupFirst(parts.aliases, local.name) ?? lookupFirst(parts.aliases, local.user)
    if (value !== undefined) waiting.push(...(await targets(parts, parseAliasValue(value))))
  }
  // The list's own address is nobody who writes.
  members.delete(own)
  return members
}

/** What a list leads to at its first step; undefined: no list. Programs and files are not told about. */
export async function listMembers(parts: MemberParts, list: string): Promise<readonly string[] | undefined> {
  const complete = parts.classes.complete(list)
  const expanded = parts.virtual.expand(complete)
  if (expanded.kind === 'addresses' && expanded.addresses.join() !== complete) return expanded.addresses
  const { address } = parts.classes.unroute(complete)
  if (parts.classes.classOf(address.slice(address.lastIndexOf('@') + 1)) !== 'local') return undefined
  const value = lookupFirst(parts.aliases, localName(address, parts.delimiter).name)
  return value === undefined ? undefined : await targets(parts, parseAliasValue(value))
}

async function targets(parts: MemberParts, found: readonly AliasTarget[]): Promise<string[]> {
  const addresses: string[] = []
  for (const target of found) {
    if (target.kind === 'address') addresses.push(parts.classes.complete(target.address))
    if (target.kind === 'own') addresses.push(parts.classes.complete(target.name))
    if (target.kind !== 'include') continue
    const file = await readIncludeFile(target.path)
    if (file.kind === 'text') {
      for (const line of parseTargetLines(file.text))
        if (line.kind === 'address') addresses.push(parts.classes.complete(line.address))
    } else if (file.kind !== 'absent')
      parts.log({ level: 'warning', service: 'smtpd', text: `${target.path}: ${file.reason}` })
  }
  return addresses
}

/** Lower case, without an extension; the domains of mydestination have the same users, so they are one. */
export function comparable(
  { classes, delimiter }: Pick<MemberParts, 'classes' | 'delimiter'>,
  given: string,
): string {
  const address = classes.complete(given).toLowerCase()
  const domain = address.slice(address.lastIndexOf('@') + 1)
  const kind = classes.classOf(domain)
  if (kind !== 'local' && kind !== 'mailbox') return address
  const { user } = localName(address, delimiter)
  return `${user}@${kind === 'local' ? (classes.shared[0] ?? domain) : domain}`
}
