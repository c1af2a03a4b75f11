import type { MailFrom, SmtpSession } from '@posthorn/smtp'
import type { Refusal } from '../policy/index.ts'
import type { ReceiveConfiguration } from './receive-options.ts'

/** Who has logged in writes as himself only, where the site says so (sender_must_match_login). */
export function foreignSender(
  { options, routing }: ReceiveConfiguration,
  { user }: SmtpSession,
  { address: sender }: MailFrom,
): Refusal | undefined {
  if (options.senderMustMatchLogin !== 'yes' || user === undefined || sender === '') return undefined
  if (routing.owns(user.address, sender, '+')) return undefined
  const text = `<${sender}>: Sender address rejected: not owned by user ${user.address}`
  return { code: 553, status: '5.7.1', text }
}
