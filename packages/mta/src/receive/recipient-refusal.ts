import type { Answer, MailFrom, RcptTo, SmtpReply, SmtpSession } from '@posthorn/smtp'
import type { Policy, PolicyRequest, Refusal } from '../policy/index.ts'
import { after } from './answer.ts'
import type { ClientLimits } from './client-limits.ts'
import type { MailVerdicts } from './mail-verdicts.ts'
import type { MailboxRoom } from './mailbox-room.ts'
import type { MilterGuard } from './milter-guard.ts'
import type { ReceiveConfiguration } from './receive-options.ts'
import { replyOf } from './refusals.ts'
import type { SessionState } from './session-state.ts'

export interface AskedRecipient {
  readonly session: SmtpSession
  readonly state: SessionState
  readonly from: MailFrom
  readonly configuration: ReceiveConfiguration
  readonly policy: Policy
  readonly room: MailboxRoom
  readonly verdicts: MailVerdicts
  /** Filters that still want to hear of the message: none once it is to be discarded. */
  readonly milters: () => MilterGuard | undefined
  /** Recipients accepted before this one. */
  readonly recipientCount: number
}

/** All that may speak against one RCPT, in this order: rates, the screen, restrictions, quota, filters. undefined: nothing. */
export function recipientRefusal(recipient: RcptTo, asked: AskedRecipient): Answer<SmtpReply | undefined> {
  const { limits } = asked.configuration
  const counted = limits === undefined ? undefined : tooManyRecipients(limits, asked.session)
  return after(counted, (tooMany) => (tooMany === undefined ? judged(recipient, asked) : replyOf(tooMany)))
}

function tooManyRecipients(limits: ClientLimits, session: SmtpSession): Answer<Refusal | undefined> {
  return after(limits.count('recipient', session), (tooMany) => tooMany ?? limits.countForAccount(session))
}

function judged(recipient: RcptTo, asked: AskedRecipient): Answer<SmtpReply | undefined> {
  const { state, policy, verdicts, milters, recipientCount } = asked
  const request = verdicts.request('RCPT', recipient.address, recipientCount)
  const screened = state.screened ?? state.watch?.verdict()
  if (screened !== undefined) return replyOf(verdicts.refused(screened, request))
  return after(policy.ask('rcpt', request), (outcome): Answer<SmtpReply | undefined> => {
    const refusal = verdicts.judged(outcome, request)
    if (refusal === undefined) return roomAndFilters(recipient, request, asked)
    const said = replyOf(refusal)
    return after(milters()?.rejectedRcpt(recipient, said, request), () => said)
  })
}

function roomAndFilters(
  recipient: RcptTo,
  request: PolicyRequest,
  { from, configuration, room, verdicts, milters }: AskedRecipient,
): Answer<SmtpReply | undefined> {
  const full = room.refusal(recipient.address, from.sizeBytes ?? 0, configuration.routing)
  return after(full, (refusal): Answer<SmtpReply | undefined> => {
    if (refusal !== undefined) return replyOf(verdicts.refused(refusal, request))
    return after(milters()?.rcpt(recipient, from.address, request), (verdict) => verdicts.filtered(verdict))
  })
}
