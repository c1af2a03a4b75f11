import type { SmtpReply, SmtpSession } from '@posthorn/smtp'
import type { CheckedMail } from '../checks/index.ts'
import type { MilterContent } from '../milter/index.ts'
import type { EnvelopeRecipient } from '../routing/index.ts'
import type { MailVerdicts } from './mail-verdicts.ts'
import { type EditedEnvelope, EnvelopeEdits } from './milter-edits.ts'
import type { MilterGuard } from './milter-guard.ts'
import type { ReceiveConfiguration } from './receive-options.ts'
import { replyOf } from './refusals.ts'
import { originClientOf } from './session-state.ts'

/** What content checks say of a message in the log: of the first client, where a filter has told. */
export function checkedMail(
  session: SmtpSession,
  mail: Pick<CheckedMail, 'log' | 'queueId' | 'sender' | 'recipient'>,
): CheckedMail {
  const { protocol, helo } = session.forwarded ?? session
  return { ...mail, client: originClientOf(session), protocol, helo }
}

/** The filters' last word on a message: the envelope as they leave it, or a refusal. */
export async function filterMessage(
  content: MilterContent,
  entered: EditedEnvelope,
  parts: {
    readonly guard: MilterGuard
    readonly verdicts: MailVerdicts
    readonly mail: CheckedMail
    readonly recipients: readonly EnvelopeRecipient[]
    readonly configuration: ReceiveConfiguration
  },
): Promise<EditedEnvelope | SmtpReply> {
  const { guard, verdicts, recipients } = parts
  const { options, routing, milters } = parts.configuration
  const edits = new EnvelopeEdits(entered, {
    maxBodyBytes: options.messageSizeLimitBytes || Number.POSITIVE_INFINITY,
    complete: routing.complete,
    headerChecks: milters?.headerChecks ?? [],
    mail: { ...parts.mail, origin: 'milter' },
  })
  const request = verdicts.request('END-OF-MESSAGE', recipients.at(-1)?.address, recipients.length)
  const refused = verdicts.filtered(await guard.message(content, edits, request))
  for (const effect of edits.effects) verdicts.keep(effect)
  return refused ?? (edits.refusal === undefined ? edits : replyOf(edits.refusal))
}
