import { lookupMapping } from '../../tables/index.ts'
import { refusalOf } from '../reply-text.ts'
import { type PolicyRequest, senderSubject } from '../request.ts'
import { type Check, type PolicyParts, restriction } from '../restriction.ts'
import { dunno, type Verdict } from '../verdict.ts'

/**
 * Logins that smtpd_sender_login_maps names for the sender; undefined when it names none, and then each
 * account owns its address with any extension.
 */
function owners(parts: PolicyParts, sender: string): readonly string[] | undefined {
  if (parts.loginMaps.length === 0) return undefined
  const complete = parts.addresses.complete(sender)
  const bareNames = parts.addresses.classify(complete).class === 'local' ? 'yes' : 'no'
  const how = { delimiter: parts.recipientDelimiter, bareNames } as const
  const found = lookupMapping(parts.loginMaps, complete, how)?.value
  return found?.split(/[\s,]+/).filter((name) => name !== '')
}

function refused(request: PolicyRequest, reason: string): Verdict {
  return { kind: 'refuse', refusal: refusalOf(senderSubject(request), 553, '5.7.1', reason) }
}

/** `alice` in a table is whoever logs in as alice of the default domain, too. */
function isNamed(parts: PolicyParts, names: readonly string[], user: string): boolean {
  const login = user.toLowerCase()
  return names.some((name) => {
    const named = name.toLowerCase()
    return named === login || parts.addresses.complete(named).toLowerCase() === login
  })
}

/** Who has logged in sends as himself. Postfix: reject_auth_sender_login_mismatch(). */
const authenticated =
  (parts: PolicyParts, unknownSenders: 'refused' | 'passed'): Check =>
  (request) => {
    const { sender, user } = request
    if (user === undefined || sender === undefined || sender === '') return dunno
    const names = owners(parts, sender)
    if (names === undefined && unknownSenders === 'passed') return dunno
    const isOwner =
      names === undefined
        ? parts.addresses.owns(user, sender, parts.recipientDelimiter)
        : isNamed(parts, names, user)
    return isOwner ? dunno : refused(request, `not owned by user ${user}`)
  }

/** An address that has an owner is used by nobody who has not logged in. */
const unauthenticated =
  (parts: PolicyParts): Check =>
  (request) => {
    const { sender, user } = request
    if (user !== undefined || sender === undefined || sender === '') return dunno
    return owners(parts, sender) === undefined ? dunno : refused(request, 'not logged in')
  }

export const rejectSenderLoginMismatch = restriction({
  names: ['reject_sender_login_mismatch'],
  about: senderSubject,
  make(parts) {
    const [known, unknown] = [authenticated(parts, 'refused'), unauthenticated(parts)]
    return (request, subject, depth) =>
      (request.user === undefined ? unknown : known)(request, subject, depth)
  },
})

export const rejectAuthenticatedSenderLoginMismatch = restriction({
  names: ['reject_authenticated_sender_login_mismatch'],
  about: senderSubject,
  make: (parts) => authenticated(parts, 'refused'),
})

export const rejectKnownSenderLoginMismatch = restriction({
  names: ['reject_known_sender_login_mismatch'],
  about: senderSubject,
  make: (parts) => authenticated(parts, 'passed'),
})

export const rejectUnauthenticatedSenderLoginMismatch = restriction({
  names: ['reject_unauthenticated_sender_login_mismatch'],
  about: senderSubject,
  make: unauthenticated,
})
