/** What APPEND and REPLACE share: literals become drafts as they come, drafts become messages at once. */
import { type AppendItem, type Mailbox, StoreError } from '@posthorn/storage'
import { Refusal } from '../errors.ts'
import type { SessionIn } from '../session/session.ts'
import { AppendReader, type MessagePiece, type NewMessage } from '../wire/append-messages.ts'
import type { Parser } from '../wire/parser.ts'
import { AppendDraft, DraftSink, Drafts } from './append-draft.ts'
import { type LiteralAnswer, no } from './command.ts'
import { type FoundMailbox, permittedMailbox } from './find-mailbox.ts'
import { permittedFlags } from './flag-rights.ts'
import { urlOctets } from './url-octets.ts'

type LoggedIn = SessionIn<'authenticated' | 'selected'>

/** @throws Refusal TRYCREATE, NOPERM */
async function appendTarget(session: LoggedIn, name: string): Promise<FoundMailbox> {
  const found = await permittedMailbox(session, name, 'i', 'TRYCREATE')
  if (!found.mailbox.selectable) throw tryCreate()
  return found
}

function tryCreate(): Refusal {
  return new Refusal('TRYCREATE', "Mailbox doesn't exist")
}

/**
 * Where a literal of the command goes.
 * @param p of the command as far as it has come, before the mailbox's name
 */
export async function draftLiteral(
  session: LoggedIn,
  p: Parser,
  command: {
    readonly count: 'one' | 'many'
    readonly sizeBytes: number
    /** What goes when the message comes (REPLACE). */
    readonly freedBytes?: number
  },
): Promise<LiteralAnswer> {
  if (p.atPendingLiteral) return 'buffer'
  const name = p.mailbox()
  const { count, sizeBytes, freedBytes = 0 } = command
  const drafts = draftsOf(session, count)
  const pending = drafts.reader.read(p)
  if (pending?.kind !== 'octets') return 'buffer'
  const { messages } = drafts.reader
  const { catenated, utf8, pieces } = messages.at(-1)!
  if (utf8 && !session.enabled('UTF8=ACCEPT')) return no('UTF8=ACCEPT is not enabled', 'CANNOT')
  if (sizeBytes === 0 && !catenated) return no("Can't save a zero byte message")
  const { mailbox } = await appendTarget(session, name)
  await refuseTooMuch(session, mailbox, sizeBytes, messages.length, freedBytes)
  const draft = draftAt(session, messages.length - 1, mailbox)
  refuseTooBig(session, draft.sizeBytes + sizeBytes)
  await writeUrls(session, draft, mailbox, pieces, freedBytes)
  draft.pieceCount = pieces.length + 1
  return new DraftSink(draft, pending.octets)
}

/** Known to the session from now on, which aborts them if nobody places them. */
function draftsOf(session: LoggedIn, count: 'one' | 'many' = 'many'): Drafts {
  const [first] = session.literals
  if (first instanceof Drafts) return first
  const drafts = new Drafts(new AppendReader(count))
  session.literals.unshift(drafts)
  return drafts
}

function draftAt(session: LoggedIn, index: number, mailbox: Mailbox): AppendDraft {
  const last = draftsOf(session).list.at(-1)
  return last?.index === index ? last : newDraft(session, index, mailbox)
}

function newDraft(session: LoggedIn, index: number, mailbox: Mailbox): AppendDraft {
  const draft = new AppendDraft(session.store.messages.stage(), mailbox.id, index)
  draftsOf(session).list.push(draft)
  return draft
}

/** @throws Refusal TOOBIG, RFC 7889 §4 */
function refuseTooBig(session: LoggedIn, sizeBytes: number): void {
  const limitBytes = session.services.options().appendLimitBytes
  if (limitBytes > 0 && sizeBytes > limitBytes)
    throw new Refusal('TOOBIG', 'Message is larger than the server accepts')
}

/**
 * What the URLs name is copied as far as it is allowed: a command of a few KB can name a large message thousands of
 * times, and all of it would be on the disk before anybody looked.
 * @throws Refusal BADURL, TOOBIG; StoreError over-quota; why the session ends
 */
async function writeUrls(
  session: LoggedIn,
  draft: AppendDraft,
  mailbox: Mailbox,
  pieces: readonly MessagePiece[],
  freedBytes: number,
): Promise<void> {
  await draft.writeUrls(pieces, pieces.length, async function* (url) {
    for await (const octets of urlOctets(session, url)) {
      session.signal.throwIfAborted()
      refuseTooBig(session, draft.sizeBytes + octets.length)
      await refuseTooMuch(session, mailbox, octets.length, draft.index + 1, freedBytes)
      yield octets
    }
  })
}

/**
 * Before the client sends them all in vain; the store looks again.
 * @param freedBytes what goes when the message comes (REPLACE)
 */
async function refuseTooMuch(
  session: LoggedIn,
  { account }: Mailbox,
  sizeBytes: number,
  messages: number,
  freedBytes: number,
): Promise<void> {
  const quota = await session.store.mailboxes.quota(account)
  const { usedBytes, limitBytes, usedMessages, limitMessages } = quota
  const staged = draftsOf(session).sizeBytes
  const replaced = freedBytes > 0 ? 1 : 0
  const isFull = limitMessages > 0 && usedMessages + messages - replaced > limitMessages
  if (isFull || (limitBytes > 0 && usedBytes + staged + sizeBytes - freedBytes > limitBytes))
    throw new StoreError('over-quota', 'Quota exceeded')
}

/** What the store has in hand. */
export interface Placing<T> {
  readonly mailbox: Mailbox
  /** Who may put messages into a mailbox but not look is told nothing of its UIDs (RFC 4315 §3). */
  readonly uids: 'told' | 'secret'
  /** Kept when it is on disk. */
  readonly placed: Promise<T>
}

/**
 * Finishes the drafts and hands them to `place`, which takes all of them or throws (RFC 3502 §6.3.11).
 * @param freedBytes what goes when the message comes (REPLACE)
 */
export async function finishDrafts<T>(
  session: LoggedIn,
  name: string,
  messages: readonly NewMessage[],
  place: (mailbox: Mailbox, items: readonly AppendItem[]) => Promise<T>,
  freedBytes = 0,
): Promise<Placing<T>> {
  const { mailbox, rights } = await appendTarget(session, name)
  const streamed = new Map(draftsOf(session).list.map((draft) => [draft.index, draft]))
  const items: AppendItem[] = []
  const finished: AppendDraft[] = []
  for (const [index, message] of messages.entries()) {
    // One made of URLs alone has none yet.
    const draft = streamed.get(index) ?? newDraft(session, index, mailbox)
    await writeUrls(session, draft, mailbox, message.pieces, freedBytes)
    const item = await itemOf(session, draft, message)
    // RFC 4314 §4: flags that the user may not set are left out.
    items.push({ ...item, flags: permittedFlags(item.flags, rights) })
    finished.push(draft)
  }
  const placed = settled(place(mailbox, items), finished)
  return { mailbox, placed, uids: rights.includes('r') ? 'told' : 'secret' }
}

async function settled<T>(placing: Promise<T>, finished: readonly AppendDraft[]): Promise<T> {
  try {
    const placed = await placing
    for (const draft of finished) draft.placed()
    return placed
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'no-such-mailbox') throw tryCreate()
    throw error
  }
}

async function itemOf(session: LoggedIn, draft: AppendDraft, message: NewMessage): Promise<AppendItem> {
  if (draft.hasNul) throw new Refusal('CANNOT', 'Message contains NUL octets')
  const { flags, internalDateMs } = message
  refuseTooBig(session, draft.sizeBytes)
  if (draft.sizeBytes === 0) throw new Refusal('', "Can't save a zero byte message")
  return {
    message: await draft.finish(),
    flags,
    internalDateMs: internalDateMs ?? session.services.now(),
  }
}
