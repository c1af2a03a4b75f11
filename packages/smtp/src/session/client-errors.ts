import type { SmtpOptions } from '../options.ts'
import { reply } from '../wire/reply.ts'
import type { Session } from './session.ts'

type Limits = Pick<SmtpOptions, 'softErrorLimit' | 'hardErrorLimit' | 'junkCommandLimit'>

/** What a client did wrong since its last accepted message: slow replies first, then the end of the session. */
export class ClientErrors {
  #count = 0
  /** Commands that brought no mail nearer. */
  #junk = 0

  /** A code of 4yz or 5yz is an error, but for 452: a client that is told to come again later did nothing wrong. */
  hear(code: number): void {
    if (code >= 400 && code !== 452) this.#count++
  }

  add(): void {
    this.#count++
  }

  /** Postfix: smtpd_junk_command_limit. */
  addJunk({ junkCommandLimit }: Limits): void {
    if (this.#junk++ >= junkCommandLimit) this.#count++
  }

  /** A message was accepted, or another client speaks. */
  forget(): void {
    this.#count = 0
  }

  /**
   * Every reply is slow from now on, good ones too; nothing is held up in the middle of a command: logins, handshakes,
   * messages. Postfix: smtpd_soft_error_limit, smtpd_chat_reply().
   */
  slowDown(code: number, mode: string, { softErrorLimit }: Limits): boolean {
    if (this.#count < softErrorLimit) return false
    return code >= 400 || (mode === 'command' && code >= 250 && code <= 252)
  }

  /** Postfix: smtpd_hard_error_limit. */
  areTooMany({ hardErrorLimit }: Limits): boolean {
    return this.#count >= hardErrorLimit
  }
}

/** True: the session has been ended for its errors. */
export const endsAfterErrors = (session: Session): boolean => {
  const { errors, options, lastVerb, client } = session
  if (!errors.areTooMany(options)) return false
  session.note(`too many errors after ${lastVerb} from ${client}`)
  session.close(reply(421, '4.7.0', `${options.hostname} Error: too many errors`))
  return true
}
