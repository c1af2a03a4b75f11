import type { Answer, SmtpReply } from '../handler.ts'
import type { DataReader } from '../wire/data-reader.ts'
import { reply } from '../wire/reply.ts'
import { bareLfReason, bareLfReply } from './bare-lf.ts'
import type { MailTransaction } from './mail-transaction.ts'
import type { Mode } from './mode.ts'
import type { Session } from './session.ts'

interface Consumed {
  readonly used: number
  /** Present when input must wait, or a reply is due. */
  readonly answer?: Answer<SmtpReply | undefined>
}

/** smtpd(8)'s word for what came last, in the lines of a connection that broke off. */
const endOfMessage = 'END-OF-MESSAGE'

/** Octets of DATA. */
export const consumeData = (session: Session, reader: DataReader, input: Buffer, at: number): Consumed => {
  const mail = session.mail as MailTransaction
  const used = reader.push(input, at)
  if (reader.ended) {
    session.mode = { kind: 'command' }
    session.lastVerb = endOfMessage
    return { used, answer: finish(session, mail, reader) }
  }
  return mail.drained === undefined ? { used } : { used, answer: waitForRoom(mail) }
}

const waitForRoom = async (mail: MailTransaction): Promise<undefined> => {
  await mail.drained
  mail.drained = undefined
}

/** Octets of a BDAT chunk. RFC 3030 §2. */
export const consumeChunk = (
  session: Session,
  chunk: Extract<Mode, { kind: 'chunk' }>,
  input: Buffer,
  at: number,
): Consumed => {
  const take = Math.min(chunk.left, input.length - at)
  const used = at + take
  const { after } = chunk
  const mail = session.mail
  if (after.kind !== 'refuse') mail?.chunks?.push(input.subarray(at, used), 0)
  chunk.left -= take
  if (chunk.left > 0) return mail?.drained === undefined ? { used } : { used, answer: waitForRoom(mail) }
  session.mode = { kind: 'command' }
  return { used, answer: chunkEnd(session, chunk) }
}

/** The reply to a chunk that is complete. */
export const chunkEnd = (
  session: Session,
  { after, sizeBytes }: Extract<Mode, { kind: 'chunk' }>,
): Answer<SmtpReply | undefined> => {
  const mail = session.mail
  if (after.kind === 'refuse' || mail === undefined) {
    return after.kind === 'refuse' ? after.reply : reply(503, '5.5.1', 'Error: need MAIL command')
  }
  if (after.kind === 'last') {
    mail.chunks?.finish()
    session.lastVerb = endOfMessage
    const answer = finish(session, mail, mail.chunks)
    const counted = (said: SmtpReply | undefined) => withSize(said, mail.chunks?.sizeBytes ?? 0)
    return answer instanceof Promise ? answer.then(counted) : counted(answer)
  }
  const said = reply(250, '2.0.0', `Ok: ${sizeBytes} bytes`)
  return mail.drained === undefined ? said : waitForRoom(mail).then(() => said)
}

/** As smtpd(8) answers a message that came in chunks. */
const withSize = (said: SmtpReply | undefined, sizeBytes: number): SmtpReply | undefined =>
  said?.code === 250 && typeof said.text === 'string'
    ? { ...said, text: said.text.replace(/^Ok: queued/, `Ok: ${sizeBytes} bytes queued`) }
    : said

/** Why a message whose lines ended with LF alone is refused. Postfix: smtpd_forbid_bare_newline. */
const bareLfOf = (session: Session, reader: DataReader | undefined): string | undefined => {
  const { bareNewline } = session.options
  if (reader?.sawBareLf !== true || session.peer.bareNewline === 'accepted') return undefined
  if (bareNewline === 'note') session.note(`warning: bare <LF> received after DATA from ${session.client}`)
  return bareNewline === 'reject' ? bareLfReason : undefined
}

/** The message is complete. Large ones are refused now: the reply to DATA is the first that can say it. */
const finish = (
  session: Session,
  mail: MailTransaction,
  reader: DataReader | undefined,
): Answer<SmtpReply | undefined> => {
  const { dismissal } = session
  const why =
    dismissal !== undefined ? 'login ended' : mail.tooLarge ? 'message too large' : bareLfOf(session, reader)
  if (why !== undefined) {
    const done = session.forget(why)
    const tooLarge = mail.tooLarge ? reply(552, '5.3.4', 'Error: message file too big') : undefined
    const refused = dismissal ?? tooLarge ?? bareLfReply(session)
    const said = () => answerAll(session, mail.accepted, refused)
    return done instanceof Promise ? done.then(said) : said()
  }
  // From here on the handler alone decides: a lost connection undoes nothing.
  session.mail = undefined
  const answer = mail.drained === undefined ? mail.end() : mail.drained.then(() => mail.end())
  return answer instanceof Promise
    ? answer.then((replies) => answerAll(session, mail.accepted, replies))
    : answerAll(session, mail.accepted, answer)
}

/** SMTP: one reply. LMTP: one for each accepted recipient (RFC 2033 §4.2); all but the last are said here. */
const answerAll = (
  session: Session,
  accepted: number,
  replies: SmtpReply | readonly SmtpReply[],
): SmtpReply => {
  session.peer.forwarded = undefined
  const single = Array.isArray(replies) ? undefined : (replies as SmtpReply)
  const list = single === undefined ? (replies as readonly SmtpReply[]) : [single]
  const last = list.at(-1) ?? reply(451, '4.3.0', 'Error: no answer')
  if (list.some(({ code }) => code < 400)) session.errors.forget()
  if (session.peer.service !== 'lmtp') return last
  const count = single === undefined ? list.length : accepted
  for (let i = 0; i < count - 1; i++) session.say(list[i] ?? last)
  return last
}

/** Content that keeps the minimum rate earns time, up to the limit of a transaction. `startMs`: when it began, or octets came last. */
export function contentDeadline({ mode, mail, options }: Session, startMs: number, nowMs: number): number {
  if (mail === undefined || (mode.kind !== 'data' && mode.kind !== 'chunk')) return nowMs
  const { minDataRate, commandTimeoutMs, transactionTimeoutMs, requestDeadline } = options
  const sizeBytes = mode.kind === 'data' ? mode.reader.sizeBytes : mode.sizeBytes - mode.left
  const kept = minDataRate > 0 ? (sizeBytes / minDataRate) * 1000 : transactionTimeoutMs
  const earnedMs = requestDeadline === 'no' ? 0 : kept
  return Math.min(startMs + commandTimeoutMs + earnedMs, mail.startedMs + transactionTimeoutMs)
}
