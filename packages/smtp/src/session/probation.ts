import { isForeign } from '../wire/command-line.ts'
import { reply } from '../wire/reply.ts'
import type { Session } from './session.ts'

/** Watches how a client that is not known yet speaks; true: it has been sent away. Postfix: psc_smtpd(). */
export const misbehaves = (session: Session, verb: string, line: string): boolean => {
  const { input, peer, options, lastVerb } = session
  const { probation } = peer
  if (probation === undefined) return false
  const seen: ReturnType<typeof probation.misconduct>[] = []
  if (input.lineEnd === 'lf') seen.push(probation.misconduct('bare newline', lastVerb, ''))
  // A verb with a colon is a header field.
  if (isForeign(verb) || verb.endsWith(':') || options.forbiddenCommands.includes(verb))
    seen.push(probation.misconduct('non-smtp command', lastVerb, line.slice(0, 100)))
  if (!input.isEmpty) {
    const behind = input.bytes.toString('latin1', input.at, input.at + 100)
    seen.push(probation.misconduct('pipelining', verb, behind))
  }
  if (seen.includes('drop')) {
    session.close(reply(521, '5.5.1', 'Protocol error'))
    return true
  }
  if (verb === 'QUIT' || probation.command?.(lastVerb) !== 'drop') return false
  session.close(reply(421, undefined, `${options.hostname} Service unavailable - try again later`))
  return true
}
