import type { Answer } from '@posthorn/smtp'
import type { Known } from '../address-book.ts'
import { refusalOf } from '../reply-text.ts'
import { type PolicyRequest, recipientSubject, type Subject } from '../request.ts'
import { type PolicyParts, restriction } from '../restriction.ts'
import { dunno, refuse, type Verdict } from '../verdict.ts'

/** The recipient is of a domain of ours and does not exist. */
export const rejectUnlistedRecipient = restriction({
  names: ['reject_unlisted_recipient', 'check_recipient_maps'],
  make: (parts) => (request) => unlistedRecipientVerdict(parts, request),
})

export function unlistedRecipientVerdict(
  parts: Pick<PolicyParts, 'addresses' | 'codes'>,
  request: PolicyRequest,
): Answer<Verdict> {
  if (request.recipient === undefined) return dunno
  return unlistedVerdict(parts, request.recipient, recipientSubject(request), '5.1.1')
}

/** Postfix: check_rcpt_maps(), check_sender_rcpt_maps(). */
export function unlistedVerdict(
  { addresses, codes }: Pick<PolicyParts, 'addresses' | 'codes'>,
  address: string,
  subject: Subject,
  status: string,
): Answer<Verdict> {
  const verdict = (known: Known): Verdict => {
    if (known.kind === 'known') return dunno
    if (known.kind === 'refused') {
      const refusedCode = known.status.startsWith('4') ? 450 : 550
      const said = known.status.replace('.1.1', status.slice(1))
      return { kind: 'refuse', refusal: refusalOf(subject, refusedCode, said, known.text) }
    }
    if (known.kind === 'malformed')
      return refuse(
        501,
        status.replace('.1.1', '.1.3').replace('.1.0', '.1.7'),
        `Bad ${status.endsWith('.1.0') ? 'sender' : 'recipient'} address syntax`,
      )
    if (known.kind === 'temporary') {
      const text = `<${subject.name}>: Temporary lookup failure`
      return { kind: 'refuse', refusal: { code: 451, status: '4.3.0', text } }
    }
    const code = codeFor(known.table, codes)
    const where = codes.unknownTableNames === 'shown' ? ` in ${known.table}` : ''
    const fitted = code >= 500 ? status : `4${status.slice(1)}`
    return { kind: 'refuse', refusal: refusalOf(subject, code, fitted, `User unknown${where}`) }
  }
  const known = addresses.verify(address)
  return known instanceof Promise ? known.then(verdict) : verdict(known)
}

function codeFor(table: string, codes: PolicyParts['codes']): number {
  if (table === 'virtual alias table') return codes.unknownVirtualAliasRejectCode
  if (table === 'virtual mailbox table') return codes.unknownVirtualMailboxRejectCode
  if (table === 'relay recipient table') return codes.unknownRelayRecipientRejectCode
  return codes.unknownLocalRecipientRejectCode
}
