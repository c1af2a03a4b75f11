import { encodeXtext } from '../wire/xtext.ts'
import type { RemoteConnection } from './connection.ts'
import type { SmtpClientOptions } from './options.ts'
import type { ForwardedClient, OutgoingMail, OutgoingRecipient } from './outgoing-mail.ts'

interface EnvelopeSender
  extends Pick<OutgoingMail, 'sender' | 'body' | 'smtpUtf8' | 'ret' | 'envid' | 'requireTls'> {
  readonly sizeBytes: number | undefined
}

/** RFC 5321 §4.1.1.2; SIZE RFC 1870, BODY RFC 6152, SMTPUTF8 RFC 6531, RET ENVID RFC 3461, REQUIRETLS RFC 8689. */
export const mailLine = (
  connection: RemoteConnection,
  options: SmtpClientOptions,
  mail: EnvelopeSender,
): string => {
  let line = `MAIL FROM:<${mail.sender}>`
  if (mail.sizeBytes !== undefined && connection.has('SIZE')) line += ` SIZE=${mail.sizeBytes}`
  if (mail.body !== undefined && connection.has('8BITMIME')) line += ` BODY=${mail.body}`
  if (mail.smtpUtf8 === true && connection.has('SMTPUTF8')) line += ' SMTPUTF8'
  if (connection.has('DSN')) {
    if (mail.envid !== undefined) line += ` ENVID=${encodeXtext(mail.envid)}`
    if (mail.ret !== undefined) line += ` RET=${mail.ret}`
  }
  if (mail.requireTls === true) line += ' REQUIRETLS'
  if (options.dummyMailAuth === true && connection.has('AUTH')) line += ' AUTH=<>'
  return line
}

/** RFC 3461 §5.2.1. */
export const rcptLine = (
  connection: RemoteConnection,
  { address, notify, originalRecipient }: OutgoingRecipient,
): string => {
  let line = `RCPT TO:<${address}>`
  if (!connection.has('DSN')) return line
  const semicolon = originalRecipient?.indexOf(';') ?? -1
  if (originalRecipient !== undefined && semicolon > 0) {
    line += ` ORCPT=${originalRecipient.slice(0, semicolon)};${encodeXtext(originalRecipient.slice(semicolon + 1))}`
  }
  if (notify !== undefined && notify.length > 0) line += ` NOTIFY=${notify.join(',')}`
  return line
}

/** Postfix: XFORWARD_README; two lines, as Postfix sends them. */
export const xforwardLines = (client: ForwardedClient, known: string): string[] => {
  const names = new Set(known.toUpperCase().split(/[ \t]+/))
  const attributes = (pairs: readonly (readonly [string, string])[]): string =>
    pairs
      .filter(([name]) => names.has(name))
      .map(([name, value]) => ` ${name}=${value === '' ? '[UNAVAILABLE]' : encodeXtext(value)}`)
      .join('')
  const unknown = (name: string): string => (name === 'unknown' ? '' : name)
  const first = attributes([
    ['NAME', unknown(client.name)],
    ['ADDR', unknown(client.address).replace(/^(?=.*:)/, 'IPV6:')],
    ['PORT', client.port === undefined ? '' : String(client.port)],
  ])
  const second = attributes([
    ['PROTO', unknown(client.protocol)],
    ['HELO', client.helo],
    ['IDENT', client.queueId],
    ['SOURCE', client.source?.toUpperCase() ?? ''],
  ])
  return [first, second].filter((text) => text !== '').map((text) => `XFORWARD${text}`)
}
