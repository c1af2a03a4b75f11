/** How a command's answer leaves. */
import type { Command, Completion } from '../commands/command.ts'
import { verdictOn } from '../errors.ts'
import type { ImapSession } from './imap-session.ts'

/** A command as it came. */
export interface Call {
  readonly tag: string
  /** With UID. */
  readonly name: string
  readonly numbering: 'sequence' | 'uid'
  readonly command: Command
}

/** What commands ask of the session that runs them. */
export function enter(session: ImapSession, { tag, numbering, command }: Call): void {
  session.tag = tag
  session.numbering = numbering
  session.holdsExpunges = command.numbers === 'uses' && numbering === 'sequence'
}

/** News, then the tagged answer. */
export async function finish(session: ImapSession, call: Call, completion: Completion): Promise<void> {
  const wanted = session.wantsNews && !session.answersWithoutNews(call.command.name)
  if (session.mailbox?.stale && wanted && session.state !== 'logout') {
    try {
      await session.sendNews(session.holdsExpunges ? 'hold' : 'send')
    } catch (error) {
      session.newsFailed(error)
      return
    }
  }
  if (session.notices !== undefined && session.state !== 'logout') await session.notices.flush()
  answer(session, call.tag, completion)
  const drained = session.connection.drained
  if (drained !== undefined) await drained
}

/** The tagged answer alone. */
export function answer(session: ImapSession, tag: string, { status, code, text }: Completion): void {
  session.connection.write(`${tag} ${status} ${code === undefined ? '' : `[${code}] `}${text}\r\n`)
  if (session.state === 'logout') {
    session.connection.end()
    return
  }
  if (status !== 'BAD') {
    if (status === 'OK') session.badCommands = 0
    return
  }
  const limit = session.services.options().badCommandLimit
  if (++session.badCommands >= limit)
    session.bye('Too many invalid IMAP commands.', 'Too many invalid IMAP commands.')
}

/** The answer to what a command threw. @param name of the command, for the log */
export function judged(session: ImapSession, error: unknown, name: string): Completion {
  const { completion, log } = verdictOn(error, name)
  // A search given up because its client went.
  if (error instanceof Error && error.name === 'AbortError') return completion
  if (log === 'fault') session.logFault(`${name} failed`, error)
  return completion
}
