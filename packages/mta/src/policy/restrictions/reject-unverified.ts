import { refusalOf } from '../reply-text.ts'
import { type PolicyRequest, recipientSubject, type Subject, senderSubject } from '../request.ts'
import { type PolicyParts, type Restriction, restriction } from '../restriction.ts'
import type { Refusal, Verdict } from '../verdict.ts'
import { dunno } from '../verdict.ts'

interface Kind {
  readonly name: 'sender' | 'recipient'
  readonly addressOf: (request: PolicyRequest) => string | undefined
  readonly subjectOf: (request: PolicyRequest) => Subject
  readonly status: string
}

/** Postfix: reject_unverified_address(). */
async function verdictOf(
  parts: PolicyParts,
  kind: Kind,
  address: string,
  request: PolicyRequest,
): Promise<Verdict> {
  const settings = parts.unverified[kind.name]
  const subject = kind.subjectOf(request)
  const found = await parts.verifier?.status(parts.addresses.complete(address))
  if (found === undefined || (found !== 'pending' && found.status === 'ok')) return dunno
  const refusal = (code: number, reason: string): Refusal =>
    refusalOf(subject, code, `${Math.trunc(code / 100)}.${kind.status}`, reason)
  if (found !== 'pending' && found.status === 'bounced') {
    const reason =
      settings.rejectReason === '' ? `undeliverable address: ${said(found.text)}` : settings.rejectReason
    return { kind: 'refuse', refusal: refusal(settings.rejectCode, reason) }
  }
  const why = found === 'pending' ? 'Address verification in progress' : said(found.text)
  const reason = settings.rejectReason === '' ? `unverified address: ${why}` : settings.rejectReason
  return {
    kind: settings.tempfailAction === 'defer' ? 'refuse' : 'defer-if-permit',
    refusal: refusal(settings.deferCode, reason),
  }
}

/** A stranger's words in our reply. */
const said = (text: string): string => text.replace(/[^ -~]/g, '?').slice(0, 250)

const unverified = (kind: Kind): Restriction =>
  restriction({
    names: [`reject_unverified_${kind.name}`],
    make: (parts) => (request) => {
      const address = kind.addressOf(request)
      return address === undefined || address === '' ? dunno : verdictOf(parts, kind, address, request)
    },
  })

/** reject_unverified_sender and reject_unverified_recipient. ADDRESS_VERIFICATION_README. */
export const unverifiedRestrictions: readonly Restriction[] = [
  unverified({
    name: 'sender',
    addressOf: ({ sender }) => sender,
    subjectOf: senderSubject,
    status: '1.7',
  }),
  unverified({
    name: 'recipient',
    addressOf: ({ recipient }) => recipient,
    subjectOf: recipientSubject,
    status: '1.1',
  }),
]
