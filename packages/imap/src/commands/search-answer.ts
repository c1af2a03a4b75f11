/** ESEARCH and its return options. RFC 4731, RFC 5267 §3 and §4, RFC 5182, RFC 6203 §4, RFC 7377 §2.1, RFC 9394. */
import type { MailboxId, Store } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import type { Turn } from '../session/turn.ts'
import { type FetchItem, fetchItems } from '../wire/fetch-items.ts'
import { formatNumbers } from '../wire/number-set.ts'
import type { Parser } from '../wire/parser.ts'
import { type PartialRange, partialRange, sliceOf } from '../wire/partial-range.ts'
import { ResponseWriter } from '../wire/response.ts'
import type { SortCriterion } from '../wire/sort-keys.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import type { Found } from './found-messages.ts'

type ReturnOption = 'MIN' | 'MAX' | 'ALL' | 'COUNT' | 'SAVE' | 'PARTIAL' | 'UPDATE' | 'CONTEXT' | 'RELEVANCY'

export interface ReturnOptions {
  readonly names: ReadonlySet<ReturnOption>
  readonly partial: PartialRange | undefined
  /** UPDATE: of each new message that comes into the result. RFC 5465 §7. */
  readonly updateItems?: readonly FetchItem[]
}

export const returnAll: ReturnOptions = { names: new Set(['ALL']), partial: undefined }

/** `RETURN (MIN MAX …)` SP, if it is next; nothing in the parentheses means ALL. */
export function returnOptions(p: Parser): ReturnOptions | undefined {
  if (!p.acceptText('RETURN ')) return undefined
  let partial: PartialRange | undefined
  let updateItems: readonly FetchItem[] = []
  const options = p.list((): ReturnOption => {
    const option = p.keyword()
    if (!isReturnOption(option)) throw new SyntaxFault('Unknown return option')
    if (option === 'PARTIAL') {
      if (partial !== undefined) throw new SyntaxFault('PARTIAL is given twice')
      partial = partialRange(p.sp())
    } else if (option === 'UPDATE' && p.peekText(' (')) updateItems = fetchItems(p.sp())
    return option
  })
  p.sp()
  const names = new Set(options)
  // RFC 9394 §3.1.
  if (partial !== undefined && names.has('ALL')) throw new SyntaxFault('PARTIAL and ALL exclude each other')
  return names.size === 0 ? returnAll : { names, partial, updateItems }
}

const returnOptionNames: ReadonlySet<string> = new Set([
  'MIN',
  'MAX',
  'ALL',
  'COUNT',
  'SAVE',
  'PARTIAL',
  'RELEVANCY',
  'UPDATE',
  // RFC 5267 §4.2: a hint, and what it hints at is kept in any case.
  'CONTEXT',
])
/** Of these no result is told. */
const silentOptions: ReadonlySet<string> = new Set(['SAVE', 'UPDATE', 'CONTEXT'])

function isReturnOption(name: string): name is ReturnOption {
  return returnOptionNames.has(name)
}

/** RFC 6203 §4, §6: only where there are scores. */
export function refuseRelevancy(
  options: ReturnOptions | undefined,
  usesFuzzy: boolean,
  order: readonly SortCriterion[] = [],
): void {
  if (usesFuzzy) return
  if (options?.names.has('RELEVANCY') || order.some(({ key }) => key === 'RELEVANCY'))
    throw new SyntaxFault('RELEVANCY is for searches with FUZZY')
}

/**
 * Answers a searching command that has RETURN: saves what SAVE asks for, and sends ESEARCH. RFC 4731 §3.1.
 * @param found in the order of the answer
 * @returns what the line has behind its head
 */
export async function answerExtended(
  session: SelectedSession,
  found: Found,
  options: ReturnOptions,
  usesModSeq: boolean,
): Promise<Buffer> {
  saveResult(session, found, options)
  if (isOnlySaved(options)) return Buffer.alloc(0)
  const { mailbox } = session
  const tail = await extendedTail(session, found, options, { mailbox, usesModSeq })
  await session.writeAll([extendedHead(session), tail])
  return tail
}

/**
 * Tells answers of one mailbox apart; undefined: the answer is more than octets.
 * @param options undefined: no RETURN was given
 */
export function answerForm(options: ReturnOptions | undefined, usesModSeq: boolean): string | undefined {
  if (options === undefined) return `plain ${usesModSeq}`
  const { names, partial } = options
  for (const name of names) if (silentOptions.has(name) || name === 'RELEVANCY') return undefined
  return `${[...names].join(' ')} ${partial?.text} ${usesModSeq}`
}

/** @param known what `plainAnswer` or `answerExtended` returned to the same question */
export async function answerAgain(
  session: SelectedSession,
  known: Buffer,
  options: ReturnOptions | undefined,
): Promise<void> {
  await session.writeAll(options === undefined ? [known] : [extendedHead(session), known])
}

/** Then nothing is told. RFC 5182 §1. */
export function isOnlySaved({ names }: ReturnOptions): boolean {
  return names.has('SAVE') && [...names].every((name) => silentOptions.has(name))
}

/** For `$`. RFC 5182 §2.1. */
export function saveResult({ mailbox }: SelectedSession, { uids }: Found, options: ReturnOptions): void {
  if (options.names.has('SAVE')) mailbox.saved = ofInterest(uids, options).sort()
}

/** Whose results they are. */
export interface Correlation {
  readonly tag: string
  /** For a mailbox that need not be the selected one: ` MAILBOX x UIDVALIDITY 1`. RFC 7377 §2.1. */
  readonly place?: string
  readonly numbering: 'sequence' | 'uid'
  readonly mailbox: { readonly id: MailboxId }
  readonly usesModSeq: boolean
}

/** `* ESEARCH (TAG "a") UID COUNT 5` with its CRLF. */
export async function extendedLine(
  session: { readonly store: Store },
  found: Found,
  options: ReturnOptions,
  correlation: Correlation,
): Promise<Buffer> {
  return Buffer.concat([extendedHead(correlation), await extendedTail(session, found, options, correlation)])
}

function extendedHead({
  tag,
  place = '',
  numbering,
}: Pick<Correlation, 'tag' | 'place' | 'numbering'>): Buffer {
  const out = new ResponseWriter()
  out.text('* ESEARCH (TAG ').string(tag).octets(Buffer.from(place)).text(')')
  if (numbering === 'uid') out.text(' UID')
  return out.take()
}

async function extendedTail(
  { store }: { readonly store: Store },
  found: Found,
  options: ReturnOptions,
  { mailbox, usesModSeq }: Pick<Correlation, 'mailbox' | 'usesModSeq'>,
): Promise<Buffer> {
  const out = new ResponseWriter()
  writeItems(out, found, options)
  if (usesModSeq && found.uids.length > 0)
    out.text(' MODSEQ ').number(await modSeqOf(store, mailbox.id, found, options))
  return out.crlf().take()
}

function writeItems(
  out: ResponseWriter,
  { numbers, scores }: Found,
  { names, partial }: ReturnOptions,
): void {
  if (numbers.length > 0) {
    if (names.has('MIN')) out.text(' MIN ').number(numbers[0]!)
    if (names.has('MAX')) out.text(' MAX ').number(numbers[numbers.length - 1]!)
    if (names.has('ALL')) out.text(' ALL ').text(formatNumbers(numbers))
  }
  if (partial !== undefined) {
    const slice = formatNumbers(sliceOf(numbers, partial))
    out.text(` PARTIAL (${partial.text} ${slice === '' ? 'NIL' : slice})`)
  }
  if (names.has('COUNT')) out.text(' COUNT ').number(numbers.length)
  if (names.has('RELEVANCY')) {
    // Where nothing could be matched about so, what was found fits exactly (RFC 6203 §5).
    const known = scores ?? new Uint8Array(numbers.length).fill(100)
    const listed = partial === undefined ? known : sliceOf(known, partial)
    out.text(` RELEVANCY (${[...listed].join(' ')})`)
  }
}

/** With only MIN and MAX asked for, the highest MODSEQ is that of these messages (RFC 4731 §3.2). */
async function modSeqOf(
  store: Store,
  mailbox: MailboxId,
  found: Found,
  options: ReturnOptions,
): Promise<number> {
  const { names } = options
  if (!names.has('MIN') && !names.has('MAX')) return found.highestModSeq
  if (names.has('ALL') || names.has('COUNT') || names.has('PARTIAL')) return found.highestModSeq
  const ends = ofInterest(found.uids, options).sort()
  let highest = 0
  for await (const { modSeqs } of store.messages.fetch(mailbox, ends, {})) {
    for (const modSeq of modSeqs) highest = Math.max(highest, modSeq)
  }
  return highest === 0 ? found.highestModSeq : highest
}

/** What `$` becomes: RFC 5182 §2.4, RFC 9394 §3.2 table 1. A copy. */
function ofInterest(uids: Uint32Array, { names, partial }: ReturnOptions): Uint32Array {
  const some = partial !== undefined || names.has('MIN') || names.has('MAX')
  if (!some || names.has('ALL') || names.has('COUNT')) return uids.slice()
  const chosen = new Set<number>(partial === undefined ? [] : sliceOf(uids, partial))
  if (uids.length > 0 && names.has('MIN')) chosen.add(uids[0]!)
  if (uids.length > 0 && names.has('MAX')) chosen.add(uids[uids.length - 1]!)
  return Uint32Array.from(chosen)
}

/** `* SEARCH 2 84 882 (MODSEQ 917162500)`. */
export async function plainAnswer(
  name: 'SEARCH' | 'SORT',
  { numbers, highestModSeq }: Found,
  usesModSeq: boolean,
  turn: Turn,
): Promise<Buffer> {
  const out = new ResponseWriter(16 + numbers.length * 8)
  out.text(`* ${name}`)
  for (let at = 0; at < numbers.length; at++) {
    out.text(' ').number(numbers[at]!)
    if (at % 1024 === 0) await turn.pass()
  }
  if (usesModSeq && numbers.length > 0) out.text(' (MODSEQ ').number(highestModSeq).text(')')
  return out.crlf().take()
}
