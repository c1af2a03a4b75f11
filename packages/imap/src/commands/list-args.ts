import { type MetadataEntry, metadataEntryList } from '../wire/metadata.ts'
import type { Parser } from '../wire/parser.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import { statusItems } from './status-items.ts'

/** RFC 9051 §6.3.9.1: which names. */
export interface ListSelection {
  readonly subscribed: boolean
  readonly specialUse: boolean
  readonly recursiveMatch: boolean
}

/** RFC 9051 §6.3.9.2: what about them. */
export interface ListReturn {
  readonly subscribed: boolean
  /** RFC 5819. */
  readonly status: readonly string[] | undefined
  /** RFC 8440. */
  readonly myRights: boolean
  /** RFC 9590; [] = not asked for. */
  readonly metadata: readonly MetadataEntry[]
}

export interface ListArgs {
  /** `extended`: the client knows what RFC 5258 says, by using any of its three forms (§1). */
  readonly form: 'plain' | 'extended'
  readonly selection: ListSelection
  readonly reference: string
  /** undefined: one that no name can match. */
  readonly patterns: readonly (string | undefined)[]
  readonly returns: ListReturn
}

const nothingMore: ListReturn = { subscribed: false, status: undefined, myRights: false, metadata: [] }

/** The cost of LIST is patterns × names: characters of all patterns together. */
const maxPatternLength = 4000

const selectionOptions = new Set(['SUBSCRIBED', 'REMOTE', 'RECURSIVEMATCH', 'SPECIAL-USE'])

function listSelection(p: Parser): ListSelection {
  const options = new Set(p.peek('(') ? p.list(() => p.keyword()) : [])
  for (const option of options) {
    if (!selectionOptions.has(option)) throw new SyntaxFault('Unknown selection option')
  }
  const subscribed = options.has('SUBSCRIBED')
  const specialUse = options.has('SPECIAL-USE')
  const recursiveMatch = options.has('RECURSIVEMATCH')
  // RFC 5258 §3.1.
  if (recursiveMatch && !subscribed && !specialUse)
    throw new SyntaxFault('RECURSIVEMATCH must not be the only selection')
  return { subscribed, specialUse, recursiveMatch }
}

function listReturn(p: Parser): ListReturn {
  let subscribed = false
  let status: readonly string[] | undefined
  let myRights = false
  let metadata: readonly MetadataEntry[] = []
  if (p.keyword() !== 'RETURN') throw new SyntaxFault('Expected RETURN')
  p.sp().list(() => {
    const option = p.keyword()
    if (option === 'SUBSCRIBED') subscribed = true
    else if (option === 'STATUS') status = statusItems(p)
    else if (option === 'MYRIGHTS') myRights = true
    else if (option === 'METADATA') metadata = metadataEntryList(p.sp())
    // Attributes that are sent in any case.
    else if (option !== 'CHILDREN' && option !== 'SPECIAL-USE') throw new SyntaxFault('Unknown return option')
  })
  return { subscribed, status, myRights, metadata }
}

/** RFC 9051 §9 list, RFC 5258 §6. */
export function listArgs(p: Parser): ListArgs {
  p.sp()
  const extended = p.peek('(')
  const selection = listSelection(p)
  if (extended) p.sp()
  const reference = p.mailbox()
  p.sp()
  const several = p.peek('(')
  const patterns = several ? p.nonEmptyList(() => p.listMailbox()) : [p.listMailbox()]
  const length = patterns.reduce((sum, pattern) => sum + reference.length + (pattern?.length ?? 0), 0)
  if (length > maxPatternLength)
    throw new SyntaxFault(`Expected patterns of at most ${maxPatternLength} characters in all`)
  const returns = p.acceptSp() ? listReturn(p) : nothingMore
  const plain = !extended && !several && returns === nothingMore
  return { form: plain ? 'plain' : 'extended', selection, reference, patterns, returns }
}

/** RFC 3501 §9 lsub; XLIST has the same arguments. */
export function plainListArgs(p: Parser): {
  readonly reference: string
  readonly pattern: string | undefined
} {
  return { reference: p.sp().mailbox(), pattern: p.sp().listMailbox() }
}
