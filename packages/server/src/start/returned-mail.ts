import { composeBounce, type DeliveryResult, makeMessageId } from '@posthorn/mail'
import { type BounceTemplate, type Submission, templateAt } from '@posthorn/mta'
import type { Config } from '../config/config.ts'

export interface RefusedMail extends Pick<Submission, 'sender' | 'recipients' | 'options'> {
  /** Of its file in the maildrop: the log knows it by that. */
  readonly name: string
  /** RFC 3463. */
  readonly status: string
  /** As a client would have heard it. */
  readonly reason: string
  /** As its author wrote it, or as much of it as goes back. */
  readonly original: Buffer
  readonly arrivedMs: number
}

/** How much of a message goes back: all of it up to bounce_size_limit, above that the header. Octets. */
export const returnedBytes = ({ values }: Config): number => values.bounce_size_limit + 262_144

/** A report and its envelope. */
export interface ReturnedMail {
  readonly sender: string
  readonly recipient: string
  readonly text: Buffer
}

/**
 * The report for a message that was refused after its author's sendmail had ended; undefined when he wants none. That of the
 * null sender is for postmaster, if he hears of such (`2bounce`). Postfix: cleanup_bounce.c, notify_classes. RFC 3464.
 * @param template the text of failures in bounce_template_file
 */
export function returnedMail(
  { values }: Config,
  template: BounceTemplate | undefined,
  nowMs: number,
  mail: RefusedMail,
): ReturnedMail | undefined {
  const { name, sender, recipients, options, status, reason, original, arrivedMs } = mail
  const told = recipients.filter(({ notify }) => notify?.includes('NEVER') !== true)
  const postmaster = values.notify_classes.includes('2bounce') ? values['2bounce_notice_recipient'] : ''
  const to = sender === '' ? postmaster : sender
  const double = values.double_bounce_sender
  const ownSender = double.includes('@') ? double : `${double}@${values.myhostname}`
  if (to === '' || told.length === 0 || sender === ownSender) return undefined
  const results = told.map(
    ({ address }): DeliveryResult => ({
      action: 'failed',
      recipient: address,
      status,
      diagnostic: `${status} ${reason}`,
      diagnosticType: 'x-posthorn',
      remoteMta: 'none',
      atMs: nowMs,
    }),
  )
  const { envid, ret } = options ?? {}
  const origin = values.myorigin
  const own = template === undefined ? undefined : templateAt(origin, template)
  const text = composeBounce({
    reportingMta: values.myhostname,
    origin,
    queueId: name,
    sender,
    arrivedMs,
    nowMs,
    results,
    original: Buffer.from(original.toString('latin1').replaceAll(/\r?\n/g, '\r\n'), 'latin1'),
    maxOriginalBytes: values.bounce_size_limit,
    threaded: values.enable_threaded_bounces ? 'yes' : 'no',
    messageId: makeMessageId(nowMs, name, values.myhostname),
    ...(sender === '' ? { recipient: to.includes('@') ? to : `${to}@${origin}` } : {}),
    ...(envid === undefined ? {} : { envid }),
    ...(ret === undefined ? {} : { ret }),
    ...(own === undefined
      ? {}
      : { template: sender === '' ? { ...own, subject: own.postmasterSubject } : own }),
  })
  return { sender: sender === '' ? ownSender : '', recipient: to, text }
}
