import type { SmtpReply } from '../handler.ts'
import { reply } from '../wire/reply.ts'
import type { Session } from './session.ts'

/** Told to the handler that must forget a message. */
export const bareLfReason = 'bare <LF> received'

export const bareLfReply = ({ options }: Session): SmtpReply =>
  reply(options.bareNewlineRejectCode, '5.5.2', `${options.hostname} Error: ${bareLfReason}`)

/** A command that ended with LF alone: said and closed. Postfix: smtpd_forbid_bare_newline = reject. */
export const refusesBareLf = (session: Session, verb: string): boolean => {
  const { options, input, peer } = session
  if (options.bareNewline !== 'reject' || input.lineEnd === 'crlf' || peer.bareNewline === 'accepted')
    return false
  session.note(
    `NOQUEUE: reject: ${verb} from ${session.client}: ${bareLfReason}; proto=${peer.protocol}${peer.helo === '' ? '' : ` helo=<${peer.helo}>`}`,
  )
  session.close(bareLfReply(session))
  return true
}
