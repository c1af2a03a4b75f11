import type { SmtpReply } from '@posthorn/smtp'
import { StoreError } from '@posthorn/storage'
import type { Refusal } from '../policy/index.ts'

export function reply(code: number, status: string, text: string): SmtpReply {
  return { code, status, text }
}

export const replyOf = (refusal: Refusal): SmtpReply => ({
  code: refusal.code,
  status: refusal.status,
  text: refusal.text,
})

export const tooLarge = reply(552, '5.3.4', 'Error: message file too big')
export const tooManyHops = reply(554, '5.4.6', 'Error: too many hops')

export const forbiddenCharacter = reply(550, '5.7.1', 'disallowed character')

/** Our own fault: the client keeps the message. */
export function faultReply(error: unknown): SmtpReply {
  return error instanceof StoreError && error.kind === 'no-space'
    ? reply(452, '4.3.1', 'Insufficient system storage')
    : reply(451, '4.3.0', 'Error: queue file write error')
}
