/** STORE and UID STORE. RFC 9051 §6.4.6, UNCHANGEDSINCE and MODIFIED RFC 7162 §3.1.3. */
import type { FlagChange, Flags, FlagsChanged, ModSeq, Rights } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import type { FetchItem } from '../wire/fetch-items.ts'
import { formatNumbers, type NumberSet } from '../wire/number-set.ts'
import type { Parser } from '../wire/parser.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import { begun, type Completion, command, no, ok } from './command.ts'
import { FetchOutput } from './fetch-output.ts'
import { noPermission } from './find-mailbox.ts'
import { flagMask, isEmpty, permittedFlags } from './flag-rights.ts'
import { learnKeywords } from './learn-keywords.ts'

interface StoreArgs {
  readonly set: NumberSet
  readonly op: FlagChange['op']
  readonly silent: boolean
  readonly flags: Flags
  readonly unchangedSince: ModSeq | undefined
}

export const store = command({
  name: 'STORE',
  states: ['selected'],
  numbers: 'uses',
  args: (p): StoreArgs => {
    const set = p.sp().numberSet()
    p.sp()
    const unchangedSince = p.peek('(') ? unchangedSinceModifier(p) : undefined
    const action = actions.get((p.accept('+') ? '+' : '') + p.name())
    if (action === undefined)
      throw new SyntaxFault('Expected FLAGS, +FLAGS or -FLAGS, each with or without .SILENT')
    return { set, ...action, flags: p.sp().storeFlags(), unchangedSince }
  },
  begins: 'early',
  run(session, args) {
    const { mailbox } = session
    const uids = session.uids(args.set)
    if (mailbox.access === 'read-only') return no('Mailbox is read-only', 'READ-ONLY')
    if (!mayChange(mailbox.rights, args)) throw noPermission()
    if (uids.length === 0) {
      enableCondStore(session, args)
      return ok('Store completed')
    }
    const storing = changeFlags(session, args, uids)
    return begun(storing, uids.length <= oneUnitMessages ? 'any' : 'none', (stored) =>
      tell(session, args, uids, stored),
    )
  },
})

/** Fewer than this are always one unit of work. */
const oneUnitMessages = 1_024

async function tell(
  session: SelectedSession,
  args: StoreArgs,
  uids: Uint32Array,
  stored: FlagsChanged,
): Promise<Completion> {
  const { mailbox } = session
  enableCondStore(session, args)
  mailbox.updateKeywords(stored.keywords)
  if (args.silent) mailbox.acknowledgeKnown(stored)
  else mailbox.acknowledge(stored.changed, stored.span)
  const answered = await answerFlags(session, args, uids, stored)
  if (stored.modified.length > 0)
    return ok('Conditional store failed', modifiedCode(session, stored.modified))
  // Gone with all that were meant. There is nothing that could fail, and clients show a NO to their users (RFC 5530 §3).
  const nothing = !args.silent && answered === 0
  if (nothing && session.numbering === 'sequence') {
    return ok('Some of the messages no longer exist', 'EXPUNGEISSUED')
  }
  return ok('Store completed')
}

/** RFC 7162 §3.1: UNCHANGEDSINCE does. */
function enableCondStore(session: SelectedSession, { unchangedSince }: StoreArgs): void {
  if (unchangedSince !== undefined) session.enable('CONDSTORE')
}

/** RFC 4314 §4: one flag that may be changed is enough, the others are left alone. */
function mayChange(rights: Rights, { op, flags }: StoreArgs): boolean {
  const mask = flagMask(rights)
  if (mask === undefined) return true
  if (op === 'replace' || isEmpty(flags)) return mask.system !== 0
  return !isEmpty(permittedFlags(flags, rights))
}

function changeFlags(
  { store: { messages }, mailbox, stopSignal }: SelectedSession,
  { op, flags, unchangedSince }: StoreArgs,
  uids: Uint32Array,
): Promise<FlagsChanged> {
  const within = flagMask(mailbox.rights)
  const change = {
    op,
    flags,
    ...(within && { within }),
    ...(unchangedSince !== undefined && { unchangedSince }),
  }
  return messages.changeFlags(mailbox.id, uids, change, stopSignal)
}

const actions = new Map<string, { readonly op: FlagChange['op']; readonly silent: boolean }>([
  ['FLAGS', { op: 'replace', silent: false }],
  ['FLAGS.SILENT', { op: 'replace', silent: true }],
  ['+FLAGS', { op: 'add', silent: false }],
  ['+FLAGS.SILENT', { op: 'add', silent: true }],
  ['-FLAGS', { op: 'remove', silent: false }],
  ['-FLAGS.SILENT', { op: 'remove', silent: true }],
])

/** `(UNCHANGEDSINCE n)` SP. RFC 7162 §3.1.3, RFC 4466 §2.5. */
function unchangedSinceModifier(p: Parser): ModSeq {
  const [modSeq] = p.nonEmptyList(() => {
    if (p.keyword() !== 'UNCHANGEDSINCE') throw new SyntaxFault('Unknown STORE modifier')
    return p.sp().number64()
  })
  p.sp()
  return modSeq as ModSeq
}

/**
 * `* n FETCH (FLAGS …)` for each message; with .SILENT only the MODSEQ, and only when CONDSTORE wants it.
 * Gives the number of messages that were found.
 */
async function answerFlags(
  session: SelectedSession,
  { silent }: StoreArgs,
  uids: Uint32Array,
  { changed, modified }: FlagsChanged,
): Promise<number> {
  const condStore = session.enabled('CONDSTORE')
  let answered = changed.uids.length + modified.length
  if (silent && !condStore) return answered
  const items: FetchItem[] = []
  // RFC 7162 §3.2.4: with CONDSTORE in any case.
  if ((session.numbering === 'uid' || condStore) && !session.enabled('UIDONLY')) items.push({ kind: 'uid' })
  if (condStore) items.push({ kind: 'modseq' })
  if (!silent) items.push({ kind: 'flags' })
  const out = new FetchOutput(session, items)
  try {
    await out.writeColumns(changed)
    // The value is answered for messages that had it already, too (RFC 9051 §6.4.6).
    if (!silent && answered < uids.length) {
      const told = new Set([...changed.uids, ...modified])
      const others = uids.filter((uid) => !told.has(uid))
      for await (const batch of session.store.messages.fetch(session.mailbox.id, others, {})) {
        answered += batch.uids.length
        await learnKeywords(session, out, batch)
        await out.writeColumns(batch)
      }
    }
    await out.flush()
  } finally {
    out.close()
  }
  return answered
}

function modifiedCode(session: SelectedSession, modified: Uint32Array): string {
  if (session.numbering === 'uid') return `MODIFIED ${formatNumbers(modified)}`
  const sequence = modified.map((uid) => session.mailbox.sequenceOf(uid)).filter((number) => number > 0)
  return `MODIFIED ${formatNumbers(sequence)}`
}
