import type { Answer, MailFrom, SmtpReply, SmtpTransaction } from '../handler.ts'
import { splitWords } from '../wire/command-line.ts'
import { type EnvelopeExtensions, parseMailCommand, parseRcptCommand } from '../wire/envelope-command.ts'
import { reply } from '../wire/reply.ts'
import { chunkEnd } from './content.ts'
import { isOffered, protocolName } from './hello.ts'
import { lacksHello } from './hello-required.ts'
import { MailTransaction } from './mail-transaction.ts'
import type { ChunkEnd, Mode } from './mode.ts'
import type { Session } from './session.ts'

const extensions = (session: Session): EnvelopeExtensions => ({
  dsn: isOffered(session, 'DSN'),
  requireTls: session.peer.tls !== undefined && isOffered(session, 'REQUIRETLS'),
  verp: session.peer.verp === 'offered' && isOffered(session, 'XVERP'),
  smtpUtf8: session.options.smtpUtf8 === 'yes',
  syntax: session.options.envelopeSyntax,
  hyphens: session.options.hyphenAddresses,
  numericDomains: session.options.numericDomains,
})

/** MAIL. RFC 5321 §4.1.1.2. */
export const mailFrom = (session: Session, argument: string): Answer<SmtpReply> => {
  const { options, peer, host } = session
  if (lacksHello(session)) return reply(503, '5.5.1', 'Error: send HELO/EHLO first')
  if (options.authRequired === 'yes' && peer.user === undefined) {
    const tlsFirst = peer.tls === undefined && host.tlsAvailable && options.authOnlyWithTls === 'yes'
    return reply(530, '5.7.0', tlsFirst ? 'Must issue a STARTTLS command first' : 'Authentication required')
  }
  if (session.mail !== undefined) return reply(503, '5.5.1', 'Error: nested MAIL command')
  const parsed = parseMailCommand(argument, extensions(session))
  if (!parsed.ok) return notUnderstood(session, 'MAIL', argument, parsed.reply)
  const from = parsed.value
  if (options.messageSizeLimitBytes > 0 && (from.sizeBytes ?? 0) > options.messageSizeLimitBytes) {
    return tooLarge(session, from)
  }
  peer.protocol = protocolName(session, from.smtpUtf8 ? 'utf8' : 'plain')
  const begin = (answer: { readonly reply: SmtpReply; readonly transaction?: SmtpTransaction }): SmtpReply =>
    beginMail(session, from, answer)
  const answer = host.handler.mail(peer, from)
  return answer instanceof Promise ? answer.then(begin) : begin(answer)
}

/** RFC 1870 §6.1: refused before anything is sent. */
const tooLarge = (session: Session, { address, smtpUtf8 }: MailFrom): SmtpReply => {
  const refused = reply(552, '5.3.4', 'Message size exceeds fixed limit')
  const proto = protocolName(session, smtpUtf8 ? 'utf8' : 'plain')
  const helo = session.peer.helo === '' ? '' : ` helo=<${session.peer.helo}>`
  session.note(
    `NOQUEUE: reject: MAIL from ${session.client}: 552 5.3.4 ${refused.text}; from=<${address}> proto=${proto}${helo}`,
  )
  return refused
}

/** What could not be read as an address stands in the log alone. */
const notUnderstood = (session: Session, verb: string, argument: string, refused: SmtpReply): SmtpReply => {
  if (refused.status === '5.1.7' || refused.status === '5.1.3') {
    const address = argument.slice(argument.indexOf(':') + 1).trimStart()
    session.note(
      `warning: Illegal address syntax from ${session.client} in ${verb} command: ${address.slice(0, 100)}`,
    )
  }
  return refused
}

const beginMail = (
  session: Session,
  from: MailFrom,
  answer: { readonly reply: SmtpReply; readonly transaction?: SmtpTransaction },
): SmtpReply => {
  if (answer.transaction === undefined) return answer.reply
  const mail = new MailTransaction(
    from,
    answer.transaction,
    session.options.messageSizeLimitBytes,
    session.host.now(),
  )
  session.mail = mail
  // The client may have gone while the handler thought.
  if (session.mode.kind === 'closed') void session.forget('lost connection')
  return answer.reply
}

/** RCPT. RFC 5321 §4.1.1.3; the limit §4.5.3.1.10. */
export const rcptTo = (session: Session, argument: string): Answer<SmtpReply> => {
  const { mail, options } = session
  if (mail === undefined) return reply(503, '5.5.1', 'Error: need MAIL command')
  if (mail.chunking !== 'not') return reply(503, '5.5.1', 'Error: RCPT after BDAT')
  const parsed = parseRcptCommand(argument, extensions(session))
  if (!parsed.ok) return notUnderstood(session, 'RCPT', argument, parsed.reply)
  if (mail.accepted >= options.recipientLimit) {
    if (mail.overshoot++ >= options.recipientOvershootLimit) session.errors.add()
    return reply(452, '4.5.3', 'Error: too many recipients')
  }
  const count = (answer: SmtpReply): SmtpReply => {
    if (answer.code < 400) mail.accepted++
    return answer
  }
  const answer = mail.rcpt(parsed.value)
  return answer instanceof Promise ? answer.then(count) : count(answer)
}

const noRecipients = (session: Session): SmtpReply | undefined => {
  if (session.mail === undefined) return reply(503, '5.5.1', 'Error: need RCPT command')
  return session.mail.accepted === 0 ? reply(554, '5.5.1', 'Error: no valid recipients') : undefined
}

const leniency = (session: Session): 'strict' | 'lenient' =>
  session.options.bareNewline === 'permit' ? 'lenient' : 'strict'

/** DATA. RFC 5321 §4.1.1.4. */
export const data = (session: Session, argument: string): Answer<SmtpReply | undefined> => {
  if (session.mail !== undefined && session.mail.chunking !== 'not')
    return reply(503, '5.5.1', 'Error: DATA after BDAT')
  const refused = noRecipients(session)
  const mail = session.mail
  if (refused !== undefined || mail === undefined) return refused
  if (argument !== '') return reply(501, '5.5.4', 'Syntax: DATA')
  const commandEnd = session.input.lineEnd
  const begin = (answer: SmtpReply): SmtpReply => {
    if (answer.code === 354 && session.mail === mail) {
      session.expectContent({ kind: 'data', reader: mail.reader('dot', leniency(session), commandEnd) })
    }
    return answer
  }
  const answer = mail.begin()
  return answer instanceof Promise ? answer.then(begin) : begin(answer)
}

/** BDAT. RFC 3030 §2: the octets of a chunk come whatever its fate, so a refused one is read past. */
export const bdat = (session: Session, argument: string): Answer<SmtpReply | undefined> => {
  const [count = '', last, ...more] = splitWords(argument)
  const wellFormed =
    /^[0-9]{1,15}$/.test(count) && (last === undefined || /^LAST$/i.test(last)) && more.length === 0
  // Where the next command begins is unknown now: nothing that follows may be taken for one.
  if (!wellFormed) return reply(521, '5.5.4', 'Syntax: BDAT count [LAST]')
  const sizeBytes = Number(count)
  const kind = last === undefined ? 'more' : 'last'
  const mail = session.mail
  const refuse = (said: SmtpReply): Answer<SmtpReply | undefined> => {
    if (mail !== undefined) mail.chunking = 'failed'
    if (kind === 'last') void session.forget('BDAT refused')
    return chunk(session, sizeBytes, { kind: 'refuse', reply: said })
  }
  const refused = earlierError(mail, sizeBytes) ?? noRecipients(session) ?? tooMuch(session, mail, sizeBytes)
  if (refused !== undefined || mail === undefined) {
    return refuse(refused ?? reply(503, '5.5.1', 'Error: need MAIL command'))
  }
  if (mail.chunks !== undefined) return chunk(session, sizeBytes, { kind })
  mail.chunking = 'begun'
  const begin = (answer: SmtpReply): Answer<SmtpReply | undefined> => {
    if (answer.code !== 354) return refuse(answer)
    mail.chunks = mail.reader('counted', leniency(session), 'crlf')
    return chunk(session, sizeBytes, { kind })
  }
  const answer = mail.begin()
  return answer instanceof Promise ? answer.then(begin) : begin(answer)
}

const earlierError = (mail: MailTransaction | undefined, sizeBytes: number): SmtpReply | undefined =>
  mail?.chunking === 'failed'
    ? reply(551, '5.0.0', `Discarded ${sizeBytes} bytes after earlier error`)
    : undefined

const tooMuch = (
  { options }: Session,
  mail: MailTransaction | undefined,
  sizeBytes: number,
): SmtpReply | undefined => {
  const limit = options.messageSizeLimitBytes
  const total = (mail?.chunks?.sizeBytes ?? 0) + sizeBytes
  return limit === 0 || total <= limit ? undefined : reply(552, '5.3.4', 'Chunk exceeds message size limit')
}

const chunk = (session: Session, sizeBytes: number, after: ChunkEnd): Answer<SmtpReply | undefined> => {
  const mode: Extract<Mode, { kind: 'chunk' }> = { kind: 'chunk', left: sizeBytes, sizeBytes, after }
  if (sizeBytes === 0) return chunkEnd(session, mode)
  session.expectContent(mode)
  return undefined
}
