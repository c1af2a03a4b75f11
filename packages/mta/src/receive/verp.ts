import type { MailFrom, SmtpReply } from '@posthorn/smtp'
import { mayDelimit, type VerpDelimiters } from '../routing/index.ts'
import { defaultVerp, type ReceiveOptions } from './receive-options.ts'
import { reply } from './refusals.ts'

export type SmtpVerp = MailFrom['verp']

/** Postfix: VERP_README, `MAIL FROM:<sender> XVERP=+=`. */
export function verpOf(asked: SmtpVerp, { verp = defaultVerp }: ReceiveOptions): VerpDelimiters | undefined {
  if (asked === undefined) return undefined
  return asked === 'default' ? verp.delimiters : asked.delimiters
}

/** undefined: go on. */
export function verpRefusal(
  { address, verp: asked }: Pick<MailFrom, 'address' | 'verp'>,
  options: ReceiveOptions,
): SmtpReply | undefined {
  const delimiters = verpOf(asked, options)
  if (delimiters === undefined) return undefined
  const { filter } = options.verp ?? defaultVerp
  if (!mayDelimit(delimiters, filter))
    return reply(501, '5.5.4', `Error: XVERP needs two characters from ${filter}`)
  return address === '' ? reply(503, '5.5.4', 'Error: XVERP requires non-null sender') : undefined
}
