import type { Answer, SmtpReply } from '../handler.ts'
import { decodeLine, isForeign, parseCommandLine } from '../wire/command-line.ts'
import { reply } from '../wire/reply.ts'
import { refusesBareLf } from './bare-lf.ts'
import { endsAfterErrors } from './client-errors.ts'
import { type Command, commandTable } from './commands.ts'
import { endsDismissed } from './dismissal.ts'
import type { LineInput } from './line-input.ts'
import { misbehaves } from './probation.ts'
import type { Session } from './session.ts'
import { writeDown } from './transcript.ts'

/** Runs the line that was read; the answer is told to the session under its verb. */
export const dispatch = (session: Session, { bytes, start, end }: LineInput): void => {
  const line = decodeLine(bytes, start, end)
  if (line !== undefined) runLine(session, filtered(session, line))
  // Without SMTPUTF8 octets are octets. Postfix: smtputf8_enable.
  else if (session.options.smtpUtf8 === 'no')
    runLine(session, filtered(session, bytes.toString('latin1', start, end)))
  else session.settle('unknown', reply(500, '5.5.2', 'Error: bad UTF-8 syntax'))
}

const filtered = ({ host, peer }: Session, line: string): string => host.handler.command?.(peer, line) ?? line

const runLine = (session: Session, line: string): void => {
  const { verb, argument } = parseCommandLine(line)
  const { options, host } = session
  writeDown(session.peer, 'In:  ', verb === 'AUTH' ? 'AUTH <masked>' : line)
  if (host.closing) {
    session.close(reply(421, '4.3.2', `${options.hostname} Service shutting down`))
    return
  }
  if (endsDismissed(session) || endsAfterErrors(session)) return
  if (misbehaves(session, verb, line)) return
  if (refusesBareLf(session, session.lastVerb)) return
  if (options.noopCommands.includes(verb)) {
    session.errors.addJunk(options)
    session.settle(verb, reply(250, '2.0.0', 'Ok'))
    return
  }
  const command = commandTable.get(verb)
  const forbidden = isForbidden(session, verb)
  if (command === undefined || forbidden || !command.services.includes(session.peer.service)) {
    unknown(session, verb, line)
    return
  }
  session.lastVerb = verb
  if (command.junk) session.errors.addJunk(options)
  if (command.last && pipelinedBehind(session, verb)) return
  session.settle(verb, run(session, command, argument))
}

const isForbidden = ({ options, host, peer }: Session, verb: string): boolean =>
  options.forbiddenCommands.includes(verb) || host.handler.forbids?.(peer, verb) === true

const run = (session: Session, command: Command, argument: string): Answer<SmtpReply | undefined> => {
  const { options, peer, host } = session
  const tlsFirst = options.tlsLevel === 'encrypt' && peer.tls === undefined && host.tlsAvailable
  if (tlsFirst && !command.beforeTls) return reply(530, '5.7.0', 'Must issue a STARTTLS command first')
  try {
    return command.run(session, argument)
  } catch (error) {
    return session.fault(error)
  }
}

const unknown = (session: Session, verb: string, line: string): void => {
  session.lastVerb = 'UNKNOWN'
  const foreign = isForeign(verb) || isForbidden(session, verb)
  if (foreign && session.peer.probation === undefined) {
    session.note(`warning: non-SMTP command from ${session.client}: ${line.slice(0, 100)}`)
    session.counts.add('unknown', 'refused')
    session.close(reply(221, '2.7.0', 'Error: I can break rules, too. Goodbye.'))
    return
  }
  const usual = reply(500, '5.5.2', verb === '' ? 'Error: bad syntax' : 'Error: command not recognized')
  try {
    const answer = session.host.handler.unknown?.(session.peer, line)
    const said = answer instanceof Promise ? answer.then((later) => later ?? usual) : (answer ?? usual)
    session.settle('unknown', said)
  } catch (error) {
    session.settle('unknown', session.fault(error))
  }
}

/** A stranger who does not wait for the answer to a command that ends a group. RFC 2920 §3.1. */
const pipelinedBehind = (session: Session, verb: string): boolean => {
  const { input, peer, options } = session
  const isWatched = peer.trusted || peer.probation !== undefined
  if (input.isEmpty || isWatched || options.forbidPipelining === 'no') return false
  const text = input.bytes.toString('latin1', input.at, input.at + 100)
  session.note(`improper command pipelining after ${verb} from ${session.client}: ${text}`)
  session.close(reply(554, '5.5.0', 'Error: SMTP protocol synchronization'))
  return true
}
