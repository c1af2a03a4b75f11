import type { Answer } from '@posthorn/smtp'
import { type PolicyRequest, senderSubject } from '../request.ts'
import { type PolicyParts, restriction } from '../restriction.ts'
import { dunno, type Verdict } from '../verdict.ts'
import { unlistedVerdict } from './reject-unlisted-recipient.ts'

/** The sender is of a domain of ours and does not exist. */
export const rejectUnlistedSender = restriction({
  names: ['reject_unlisted_sender'],
  make: (parts) => (request) => unlistedSenderVerdict(parts, request),
})

export function unlistedSenderVerdict(
  parts: Pick<PolicyParts, 'addresses' | 'codes'>,
  request: PolicyRequest,
): Answer<Verdict> {
  if (request.sender === undefined || request.sender === '') return dunno
  return unlistedVerdict(parts, request.sender, senderSubject(request), '5.1.0')
}
