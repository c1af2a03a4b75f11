import type { SmtpReply } from '../handler.ts'
import type { Session } from './session.ts'

/**
 * The session ends with this reply: at once while the client has the turn, else when the command under way is
 * answered. A message under way is read to its end and refused with it; one that is being stored is stored.
 */
export function dismiss(session: Session, answer: SmtpReply): void {
  session.dismissal ??= answer
  endsDismissed(session)
}

/** True: it is over. */
export function endsDismissed(session: Session): boolean {
  if (session.dismissal === undefined || !session.awaitsCommand) return false
  session.close(session.dismissal)
  return true
}
