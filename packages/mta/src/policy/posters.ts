import type { Answer } from '@posthorn/smtp'
import { type LookupTable, lookupAccessAddress, lookupMapping, splitListText } from '../tables/index.ts'
import { refusalOf } from './reply-text.ts'
import { type PolicyRequest, recipientSubject } from './request.ts'
import type { PolicyParts } from './restriction.ts'
import { dunno, type Verdict } from './verdict.ts'

export interface PosterOptions {
  /** alias_posters: list → `members`, `anyone`, addresses, tables. */
  readonly tables: readonly string[]
  /** alias_posters_log_in: who writes as one of our own must have shown that he is. */
  readonly ownMustLogIn: 'yes' | 'no'
}

type Parts = Pick<PolicyParts, 'addresses' | 'tables' | 'codes' | 'log' | 'recipientDelimiter'>

/** Who may write to a list, by one setting. undefined: nothing is set. Throws TableError. */
export function createPosters(
  options: PosterOptions,
  parts: Parts,
): ((request: PolicyRequest) => Answer<Verdict>) | undefined {
  const tables = parts.tables.openAll(options.tables)
  if (tables.length === 0) return undefined
  return (request) => {
    const { recipient } = request
    if (recipient === undefined || recipient === '') return dunno
    const address = parts.addresses.complete(recipient).toLowerCase()
    const isOwn = isOurs(parts, address)
    const how = { delimiter: parts.recipientDelimiter, bareNames: isOwn ? 'yes' : 'no' } as const
    const found = lookupMapping(tables, address, how)
    if (found === undefined) return dunno
    return judge(parts, options, found.value, address, request)
  }
}

async function judge(
  parts: Parts,
  options: PosterOptions,
  rule: string,
  list: string,
  request: PolicyRequest,
): Promise<Verdict> {
  const words = splitListText(rule)
  if (words.some((word) => word.toLowerCase() === 'anyone')) return dunno
  const sender = request.sender ?? ''
  let mayPost = false
  try {
    mayPost = sender !== '' && (await isPoster(parts, words, list, sender))
  } catch (error) {
    const text = `alias_posters: ${list}: ${error instanceof Error ? error.message : String(error)}`
    parts.log({ level: 'warning', service: 'smtpd', text })
    const refusal = { code: 451, status: '4.3.5', text: 'Server configuration error' }
    return { kind: 'refuse', refusal }
  }
  const refused = (reason: string): Verdict => ({
    kind: 'refuse',
    refusal: refusalOf(recipientSubject(request), parts.codes.accessMapRejectCode, '5.7.1', reason),
  })
  if (!mayPost) return refused('only its posters may write to this list')
  const proved = request.user !== undefined || request.client.inMyNetworks
  if (options.ownMustLogIn === 'yes' && !proved && isOurs(parts, parts.addresses.complete(sender)))
    return refused('log in to write to this list')
  return dunno
}

async function isPoster(
  parts: Parts,
  words: readonly string[],
  list: string,
  sender: string,
): Promise<boolean> {
  const address = parts.addresses.complete(sender).toLowerCase()
  for (const word of words) {
    if (word.toLowerCase() === 'members') {
      if (await parts.addresses.isMember(list, sender)) return true
    } else if (/^[a-z]+:/.test(word)) {
      if (isIn(parts.tables.open(word), address, parts.recipientDelimiter)) return true
    } else if (
      word.startsWith('@') ? address.endsWith(word.toLowerCase()) : parts.addresses.isSame(word, sender)
    )
      return true
  }
  return false
}

/** As in access tables; REJECT and its kind mean no. */
function isIn(table: LookupTable, address: string, delimiter: string): boolean {
  const found = lookupAccessAddress(table, address, delimiter, { parentMatchesSubdomains: 'yes' })
  return found !== undefined && !/^(?:REJECT|DEFER|[45]\d\d)\b/i.test(found)
}

function isOurs(parts: Parts, address: string): boolean {
  const { class: kind } = parts.addresses.classify(address)
  return kind !== 'default' && kind !== 'relay'
}
