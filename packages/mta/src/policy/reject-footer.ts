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
): (refusal: Refusal, request: PolicyRequest) => Refusal {
  if (template === '') return (refusal) => refusal
  const sameLine = template.startsWith('\\c')
  const parts = (sameLine ? template.slice(2) : template).split('\\n')
  return (refusal, request) => {
    const lines = parts.map((part) => filledIn(part, request, serverName, now))
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
