import { composeBounce, type DeliveryResult, makeMessageId } from '@posthorn/mail'
import type { Submission } from '@posthorn/mta'
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

/**
 * The report for a message that was refused after its author's sendmail had ended; undefined when he wants none. Postfix:
 * cleanup_bounce.c. RFC 3464.
 */
export function returnedMail({ values }: Config, nowMs: number, mail: RefusedMail): Buffer | undefined {
  const { name, sender, recipients, options, status, reason, original, arrivedMs } = mail
  const told = recipients.filter(({ notify }) => notify?.includes('NEVER') !== true)
  if (sender === '' || told.length === 0) return undefined
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
  return composeBounce({
    reportingMta: values.myhostname,
    origin: values.myorigin,
    queueId: name,
    sender,
    arrivedMs,
    nowMs,
    results,
    original: Buffer.from(original.toString('latin1').replaceAll(/\r?\n/g, '\r\n'), 'latin1'),
    maxOriginalBytes: values.bounce_size_limit,
    messageId: makeMessageId(nowMs, name, values.myhostname),
    ...(envid === undefined ? {} : { envid }),
    ...(ret === undefined ? {} : { ret }),
  })
}
