import type { Answer, SmtpReply, SmtpSession } from '@posthorn/smtp'
import type { Policy, PolicyOutcome, Refusal, SignatureCheck } from '../policy/index.ts'
import type { EnvelopeRecipient } from '../routing/index.ts'
import { after } from './answer.ts'
import type { MailVerdicts } from './mail-verdicts.ts'
import type { MessageIntake } from './message-intake.ts'
import { forbiddenCharacter, replyOf, tooLarge, tooManyHops } from './refusals.ts'
import { clientOf } from './session-state.ts'

export interface JudgedMail {
  readonly session: SmtpSession
  readonly sender: string
  readonly policy: Policy
  readonly verdicts: MailVerdicts
  /** Present when only the message's signature may spare it the greylist. */
  readonly signature: SignatureCheck | undefined
  readonly hopcountLimit: number
  readonly recipients: readonly EnvelopeRecipient[]
}

/** After the last octet: size, loops, end-of-data restrictions, the greylist and the content checks. undefined: go on. */
export function refusalOfContent(intake: MessageIntake, mail: JudgedMail): Answer<SmtpReply | undefined> {
  const { session, sender, verdicts, hopcountLimit } = mail
  if (intake.tooLarge) return tooLarge
  if (intake.facts.hops > hopcountLimit) {
    verdicts.log('info', `reject: too many hops from ${clientOf(session)}; from=<${sender}>`)
    return tooManyHops
  }
  if (intake.forbidden === true) {
    verdicts.log('info', `reject: disallowed character from ${clientOf(session)}; from=<${sender}>`)
    return forbiddenCharacter
  }
  return after(judgeEnd(intake, mail), (refusal): Answer<SmtpReply | undefined> => {
    if (refusal !== undefined) return replyOf(refusal)
    const { greylisted } = verdicts
    return after(greylisted === undefined ? undefined : unvouched(greylisted, mail), (waits) =>
      waits === undefined ? checkContent(intake, verdicts) : replyOf(waits),
    )
  })
}

/** What is asked about the whole message names a recipient only when there is no other. Postfix: smtpd_check_data(). */
export const onlyRecipient = (recipients: readonly EnvelopeRecipient[]): string | undefined =>
  recipients.length === 1 ? recipients[0]?.address : undefined

function judgeEnd(
  { sizeBytes }: MessageIntake,
  { policy, verdicts, recipients }: JudgedMail,
): Answer<Refusal | undefined> {
  if (!policy.asks('end-of-data')) return undefined
  const asked = verdicts.request('END-OF-MESSAGE', onlyRecipient(recipients), recipients.length)
  const request = { ...asked, sizeBytes }
  const judged = (outcome: PolicyOutcome) => verdicts.judged(outcome, request)
  return after(policy.ask('end-of-data', request), judged)
}

/** Who is greylisted, and whose domain has not signed the message, comes again. */
async function unvouched(
  greylisted: Refusal,
  { signature, verdicts, recipients, sender }: JudgedMail,
): Promise<Refusal | undefined> {
  const voucher = await signature?.voucher()
  if (voucher === undefined) {
    const recipient = recipients.at(-1)?.address
    return verdicts.refused(greylisted, verdicts.request('END-OF-MESSAGE', recipient, recipients.length))
  }
  verdicts.log('info', `not greylisted: DKIM passes for ${voucher}, sender=${sender}`)
  return undefined
}

function checkContent(intake: MessageIntake, verdicts: MailVerdicts): Answer<SmtpReply | undefined> {
  return after(intake.checked(), (checked) => {
    for (const effect of checked?.effects ?? []) verdicts.keep(effect)
    return checked?.refusal === undefined ? undefined : replyOf(checked.refusal)
  })
}
