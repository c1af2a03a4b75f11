import type { SmtpReply, SmtpSession } from '@posthorn/smtp'
import { expandTemplate } from '../policy/reply-macros.ts'
import { type LookupTable, lookupFirst } from '../tables/index.ts'

export interface RejectFooterOptions {
  /** smtpd_reject_footer; '' = none. */
  readonly template: string
  /** smtpd_reject_footer_maps: the whole reply → its own template. */
  readonly maps: readonly LookupTable[]
  readonly myhostname: string
  readonly now: () => number
}

/** Of a reply of code 4yz or 5yz; `sender` is that of the transaction, if there is one. */
export type RejectFooter = (reply: SmtpReply, session: SmtpSession, sender: string) => SmtpReply

/**
 * What is said after each refusal, whatever its reason: on lines of its own, `\n` begins another, and `\c` at the
 * start puts it behind the refusal itself. It is not logged. undefined: nothing. Postfix: smtpd_reject_footer.
 */
export function createRejectFooter(options: RejectFooterOptions): RejectFooter | undefined {
  const { template, maps } = options
  if (template === '' && maps.length === 0) return undefined
  return (reply, session, sender) => {
    const said = [reply.text].flat()
    const key = `${reply.code}${reply.status === undefined ? '' : ` ${reply.status}`} ${said.join(' ')}`
    const text = (maps.length === 0 ? undefined : lookupFirst(maps, key)) ?? template
    if (text === '') return reply
    const values = macrosOf(options, session, sender)
    const isSameLine = text.startsWith('\\c')
    const [first = '', ...more] = (isSameLine ? text.slice(2) : text)
      .split('\\n')
      .map((part) => expandTemplate(part, (name) => values[name]))
    const last = said.at(-1) ?? ''
    const lines = isSameLine ? [...said.slice(0, -1), last + first] : [...said, first]
    return { ...reply, text: [...lines, ...more] }
  }
}

/** Postfix: smtpd_expand_lookup(). */
function macrosOf(
  { myhostname, now }: RejectFooterOptions,
  session: SmtpSession,
  sender: string,
): Readonly<Record<string, string | undefined>> {
  const { clientAddress, clientName, clientPort, helo, user, localAddress, localPort } = session
  return {
    client: `${clientName}[${clientAddress}]`,
    client_address: clientAddress,
    client_name: clientName,
    client_port: String(clientPort),
    helo_name: helo,
    localtime: localTime(now()),
    sasl_method: user?.method,
    sasl_username: user?.address,
    sender,
    server_address: localAddress,
    server_name: myhostname,
    server_port: String(localPort),
  }
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `Jan  4 15:42:00`, as it stands in the log. */
function localTime(ms: number): string {
  const time = new Date(ms)
  const two = (number: number): string => String(number).padStart(2, '0')
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')
  return `${months[time.getMonth()]} ${String(time.getDate()).padStart(2)} ${clock}`
}
