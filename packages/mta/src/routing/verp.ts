/** The two characters between which the recipient stands: `+=`. Postfix: default_verp_delimiters, VERP_README. */
export type VerpDelimiters = string

/** Whether a client, or a user of the sendmail command, may ask for these. Postfix: verp_delimiter_filter. */
export const mayDelimit = (delimiters: string, filter: string): boolean =>
  delimiters.length === 2 && [...delimiters].every((one) => filter.includes(one))

/** `owner@here` and `user@there` become `owner+user=there@here`; the null sender stays. Postfix: verp_sender(). */
export function verpSender(sender: string, recipient: string, delimiters: VerpDelimiters): string {
  const at = sender.lastIndexOf('@')
  if (at <= 0) return sender
  const [before = '+', between = '='] = delimiters
  const split = recipient.lastIndexOf('@')
  const local = split === -1 ? recipient : recipient.slice(0, split)
  const domain = split === -1 ? '' : `${between}${recipient.slice(split + 1)}`
  return `${sender.slice(0, at)}${before}${local}${domain}${sender.slice(at)}`
}
