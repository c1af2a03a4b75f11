import { type LookupTable, lookupFirst } from '../tables/index.ts'
import { refusalText } from './reply-text.ts'
import type { PolicyRequest } from './request.ts'
import type { Refusal } from './verdict.ts'

/**
 * What is said after each refusal: on lines of its own, `\n` begins another, and `\c` at the start puts it
 * behind the refusal itself. Postfix: smtpd_reject_footer.
 */
export function createRejectFooter(
  template: string,
  serverName: string,
  now: () => number,
  /** smtpd_reject_footer_maps: the reply → its own footer. */
  maps: readonly LookupTable[] = [],
): (refusal: Refusal, request: PolicyRequest) => Refusal {
  if (template === '' && maps.length === 0) return (refusal) => refusal
  return (refusal, request) => {
    const own = maps.length === 0 ? undefined : lookupFirst(maps, refusalText(refusal))
    const text = own ?? template
    if (text === '') return refusal
    const sameLine = text.startsWith('\\c')
    const lines = (sameLine ? text.slice(2) : text)
      .split('\\n')
      .map((part) => filledIn(part, request, serverName, now))
    return { ...refusal, footer: sameLine ? [`\\c${lines[0] ?? ''}`, ...lines.slice(1)] : lines }
  }
}

/** `$name`, `${name}`, `$(name)` with what is known of the client. */
function filledIn(text: string, request: PolicyRequest, serverName: string, now: () => number): string {
  const { client, connection, helo, sender, recipient, user } = request
  const values: Readonly<Record<string, string | undefined>> = {
    client: `${client.name.name}[${client.address}]`,
    client_address: client.address,
    client_name: client.name.name,
    client_port: connection === undefined ? undefined : String(connection.clientPort),
    helo_name: helo,
    localtime: localTime(now()),
    recipient,
    sasl_username: user,
    sender,
    server_address: connection?.localAddress,
    server_name: serverName,
    server_port: connection === undefined ? undefined : String(connection.localPort),
  }
  return text.replaceAll(/\$(?:\{([a-z_]{1,32})\}|\(([a-z_]{1,32})\)|([a-z_]{1,32}))/g, (_, a, b, c) =>
    printable(values[a ?? b ?? c] ?? ''),
  )
}

const printable = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, '?')

const localTime = (ms: number): string => new Date(ms).toString().replace(/ GMT.*$/, '')

/** The lines of a reply with its footer. */
export function refusalLines({ text, footer }: Refusal): string | readonly string[] {
  if (footer === undefined) return text
  const [first = '', ...rest] = footer
  return first.startsWith('\\c') ? [`${text}${first.slice(2)}`, ...rest] : [text, ...footer]
}
