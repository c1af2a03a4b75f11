/** ESEARCH and its return options. RFC 4731, RFC 5267 §3 and §4, RFC 5182, RFC 9394. */
import type { SelectedSession } from '../session/session.ts'
import { formatNumbers } from '../wire/number-set.ts'
import type { Parser } from '../wire/parser.ts'
import { type PartialRange, partialRange, partialText, sliceOf } from '../wire/partial-range.ts'
import { ResponseWriter } from '../wire/response.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import type { Found } from './found-messages.ts'

type ReturnOption = 'MIN' | 'MAX' | 'ALL' | 'COUNT' | 'SAVE' | 'PARTIAL' | 'UPDATE' | 'CONTEXT'

export interface ReturnOptions {
  readonly names: ReadonlySet<ReturnOption>
  readonly partial: PartialRange | undefined
}

export const returnAll: ReturnOptions = { names: new Set(['ALL']), partial: undefined }

/** `RETURN (MIN MAX …)` SP, if it is next; nothing in the parentheses means ALL. */
export function returnOptions(p: Parser): ReturnOptions | undefined {
  if (!p.acceptText('RETURN ')) return undefined
  let partial: PartialRange | undefined
  const options = p.list((): ReturnOption => {
    const option = p.keyword()
    if (!isReturnOption(option)) throw new SyntaxFault('Unknown return option')
    if (option === 'PARTIAL') {
      if (partial !== undefined) throw new SyntaxFault('PARTIAL is given twice')
      partial = partialRange(p.sp())
    }
    return option
  })
  p.sp()
  const names = new Set(options)
  // RFC 9394 §3.1.
  if (partial !== undefined && names.has('ALL')) throw new SyntaxFault('PARTIAL and ALL exclude each other')
  return names.size === 0 ? returnAll : { names, partial }
}

const returnOptionNames: ReadonlySet<string> = new Set([
  'MIN',
  'MAX',
  'ALL',
  'COUNT',
  'SAVE',
  'PARTIAL',
  'UPDATE',
  // RFC 5267 §4.2: a hint, and what it hints at is kept in any case.
  'CONTEXT',
])
/** Of these no result is told. */
const silentOptions: ReadonlySet<string> = new Set(['SAVE', 'UPDATE', 'CONTEXT'])

function isReturnOption(name: string): name is ReturnOption {
  return returnOptionNames.has(name)
}

/**
 * Answers a searching command that has RETURN: saves what SAVE asks for, and sends ESEARCH. RFC 4731 §3.1.
 * @param found in the order of the answer
 */
export async function answerExtended(
  session: SelectedSession,
  found: Found,
  options: ReturnOptions,
  usesModSeq: boolean,
): Promise<void> {
  const save = options.names.has('SAVE')
  if (save) session.mailbox.saved = ofInterest(found.uids, options).sort()
  // RFC 5182 §2.1: then nothing is told.
  if (save && [...options.names].every((name) => silentOptions.has(name))) return
  const { numbers } = found
  const out = new ResponseWriter()
  out.text('* ESEARCH (TAG ').string(session.tag).text(')')
  if (session.numbering === 'uid') out.text(' UID')
  writeItems(out, numbers, options)
  if (usesModSeq && numbers.length > 0) out.text(' MODSEQ ').number(await modSeqOf(session, found, options))
  await session.write(out.crlf().take())
}

function writeItems(out: ResponseWriter, numbers: Uint32Array, { names, partial }: ReturnOptions): void {
  if (numbers.length > 0) {
    if (names.has('MIN')) out.text(' MIN ').number(numbers[0]!)
    if (names.has('MAX')) out.text(' MAX ').number(numbers[numbers.length - 1]!)
    if (names.has('ALL')) out.text(' ALL ').text(formatNumbers(numbers))
  }
  if (partial !== undefined) {
    const slice = formatNumbers(sliceOf(numbers, partial))
    out.text(` PARTIAL (${partialText(partial)} ${slice === '' ? 'NIL' : slice})`)
  }
  if (names.has('COUNT')) out.text(' COUNT ').number(numbers.length)
}

/** With only MIN and MAX asked for, the highest MODSEQ is that of these messages (RFC 4731 §3.2). */
async function modSeqOf(session: SelectedSession, found: Found, options: ReturnOptions): Promise<number> {
  const { names } = options
  if (!names.has('MIN') && !names.has('MAX')) return found.highestModSeq
  if (names.has('ALL') || names.has('COUNT') || names.has('PARTIAL')) return found.highestModSeq
  const ends = ofInterest(found.uids, options).sort()
  let highest = 0
  for await (const { modSeqs } of session.store.messages.fetch(session.mailbox.id, ends, {})) {
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
