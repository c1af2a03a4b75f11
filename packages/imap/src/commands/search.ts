/** SEARCH and UID SEARCH. RFC 9051 §6.4.4, ESEARCH RFC 4731, saved results RFC 5182, MODSEQ RFC 7162 §3.1.5. */
import type { SearchCriteria, SearchFound } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import { formatNumbers, type NumberSet, pick } from '../wire/number-set.ts'
import type { Parser } from '../wire/parser.ts'
import { ResponseWriter } from '../wire/response.ts'
import { type SearchScope, searchCharsets, searchProgram } from '../wire/search-program.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import { command, no, ok } from './command.ts'
import { SequenceWalk } from './sequence-walk.ts'

type ReturnOption = 'MIN' | 'MAX' | 'ALL' | 'COUNT' | 'SAVE'

interface SearchArgs {
  /** undefined: no RETURN was given. */
  readonly options: ReadonlySet<ReturnOption> | undefined
  readonly criteria: SearchCriteria | undefined
  readonly usesModSeq: boolean
}

export const search = command({
  name: 'SEARCH',
  states: ['selected'],
  numbers: 'uses',
  capabilities: ['ESEARCH', 'SEARCHRES', 'WITHIN'],
  args: (p, session): SearchArgs => {
    const options = p.sp().acceptText('RETURN ') ? returnOptions(p) : undefined
    return { options, ...searchProgram(p, scopeOf(session)) }
  },
  async run(session, { options, criteria, usesModSeq }) {
    const save = options?.has('SAVE') ?? false
    // A search that fails leaves nothing saved (RFC 5182 §2.1).
    if (save) session.mailbox.saved = new Uint32Array(0)
    if (criteria === undefined) return no('Unknown charset', `BADCHARSET (${searchCharsets.join(' ')})`)
    if (usesModSeq) session.enable('CONDSTORE')
    const { store, mailbox, signal } = session
    const found = visible(session, await store.messages.search(mailbox.id, criteria, signal))
    if (session.gone) return ok('Search completed')
    if (options === undefined && !session.enabled('IMAP4rev2')) {
      await session.write(plainAnswer(found, usesModSeq))
      return ok('Search completed')
    }
    const wanted = options === undefined || options.size === 0 ? new Set<ReturnOption>(['ALL']) : options
    if (save) mailbox.saved = savedOf(found.uids, wanted)
    if (wanted.size > (save ? 1 : 0))
      await session.write(await extendedAnswer(session, found, wanted, usesModSeq))
    return ok('Search completed')
  },
})

/** `(MIN MAX …)` SP. */
function returnOptions(p: Parser): ReadonlySet<ReturnOption> {
  const options = p.list((): ReturnOption => {
    const option = p.keyword()
    if (!isReturnOption(option)) throw new SyntaxFault('Unknown SEARCH return option')
    return option
  })
  p.sp()
  return new Set(options)
}

function isReturnOption(name: string): name is ReturnOption {
  return name === 'MIN' || name === 'MAX' || name === 'ALL' || name === 'COUNT' || name === 'SAVE'
}

/** Sets in keys always mean the mailbox as this client knows it. */
function scopeOf({ mailbox, services }: SelectedSession): SearchScope {
  const { uids } = mailbox
  const named = (set: NumberSet, bySequence: () => readonly number[]) =>
    set.saved ? uidRanges(mailbox.saved) : uidRanges(pick(uids, bySequence()))
  return {
    sequenceRanges: (set) => named(set, () => set.sequenceIndexesWithin(uids.length)),
    uidRanges: (set) => (set.saved ? uidRanges(mailbox.saved) : set.ranges(uids[uids.length - 1] ?? 0)),
    recentRanges: () => (mailbox.hasRecent ? uidRanges(uids.filter((uid) => mailbox.isRecent(uid))) : []),
    nowMs: services.now(),
  }
}

/** Runs of UIDs that follow each other. */
function uidRanges(uids: Uint32Array): (readonly [number, number])[] {
  const ranges: (readonly [number, number])[] = []
  let first = 0
  for (let at = 1; at <= uids.length; at++) {
    if (at < uids.length && uids[at] === uids[at - 1]! + 1) continue
    ranges.push([uids[first]!, uids[at - 1]!])
    first = at
  }
  return ranges
}

interface Found extends SearchFound {
  /** What the answer lists: sequence numbers, or the UIDs again. */
  readonly numbers: Uint32Array
}

/** Leaves out messages of which the client does not know yet. */
function visible({ mailbox, numbering }: SelectedSession, found: SearchFound): Found {
  const walk = new SequenceWalk(mailbox.uids)
  const numbers = found.uids.map((uid) => walk.sequenceOf(uid))
  if (!numbers.includes(0)) return { ...found, numbers: numbering === 'uid' ? found.uids : numbers }
  const uids = found.uids.filter((_, at) => numbers[at] !== 0)
  const known = numbers.filter((number) => number !== 0)
  return { ...found, uids, numbers: numbering === 'uid' ? uids : known }
}

/** `* SEARCH 2 84 882 (MODSEQ 917162500)`. */
function plainAnswer({ numbers, highestModSeq }: Found, usesModSeq: boolean): Buffer {
  const out = new ResponseWriter(16 + numbers.length * 8)
  out.text('* SEARCH')
  for (let at = 0; at < numbers.length; at++) out.text(' ').number(numbers[at]!)
  if (usesModSeq && numbers.length > 0) out.text(' (MODSEQ ').number(highestModSeq).text(')')
  return out.crlf().take()
}

/** `* ESEARCH (TAG "a") UID MIN 2 COUNT 3`. RFC 4731 §3.1. */
async function extendedAnswer(
  session: SelectedSession,
  found: Found,
  wanted: ReadonlySet<ReturnOption>,
  usesModSeq: boolean,
): Promise<Buffer> {
  const { numbers } = found
  const out = new ResponseWriter()
  out.text('* ESEARCH (TAG ').string(session.tag).text(')')
  if (session.numbering === 'uid') out.text(' UID')
  if (numbers.length > 0) {
    if (wanted.has('MIN')) out.text(' MIN ').number(numbers[0]!)
    if (wanted.has('MAX')) out.text(' MAX ').number(numbers[numbers.length - 1]!)
    if (wanted.has('ALL')) out.text(' ALL ').text(formatNumbers(numbers))
  }
  if (wanted.has('COUNT')) out.text(' COUNT ').number(numbers.length)
  if (usesModSeq && numbers.length > 0) out.text(' MODSEQ ').number(await modSeqOf(session, found, wanted))
  return out.crlf().take()
}

/** With only MIN and MAX asked for, the highest MODSEQ is that of these messages (RFC 4731 §3.2). */
async function modSeqOf(
  session: SelectedSession,
  found: Found,
  wanted: ReadonlySet<ReturnOption>,
): Promise<number> {
  if (wanted.has('ALL') || wanted.has('COUNT')) return found.highestModSeq
  const ends = savedOf(found.uids, wanted)
  let highest = 0
  for await (const { modSeqs } of session.store.messages.fetch(session.mailbox.id, ends, {})) {
    for (const modSeq of modSeqs) highest = Math.max(highest, modSeq)
  }
  return highest === 0 ? found.highestModSeq : highest
}

/** With MIN and MAX only these messages are saved, else all (RFC 5182 §2.4). Ascending. */
function savedOf(uids: Uint32Array, wanted: ReadonlySet<ReturnOption>): Uint32Array {
  if (uids.length < 2 || wanted.has('ALL') || wanted.has('COUNT')) return uids
  const ends = [
    ...(wanted.has('MIN') ? [uids[0]!] : []),
    ...(wanted.has('MAX') ? [uids[uids.length - 1]!] : []),
  ]
  return ends.length === 0 ? uids : Uint32Array.from(ends)
}
