import { isIP } from 'node:net'
import type { SmtpReply } from '../handler.ts'
import { splitWords } from '../wire/command-line.ts'
import { reply } from '../wire/reply.ts'
import { decodeXtext } from '../wire/xtext.ts'
import type { Session } from './session.ts'

/** `NAME=value` with the value decoded; '' where the value was `[UNAVAILABLE]`. */
export interface ClientAttribute {
  /** Upper case. */
  readonly name: string
  readonly value: string
}

/** What both commands refuse before they look at an attribute. Postfix: xclient_cmd(), xforward_cmd(). */
export const unfitFor = (
  session: Session,
  command: 'XCLIENT' | 'XFORWARD',
  argument: string,
): SmtpReply | undefined => {
  const allowed = command === 'XCLIENT' ? session.peer.xclient : session.peer.xforward
  if (session.mail !== undefined) return reply(503, '5.5.1', 'Error: MAIL transaction in progress')
  if (argument === '') return reply(501, '5.5.4', `Syntax: ${command} attribute=value...`)
  return allowed === 'offered' ? undefined : reply(550, '5.7.0', 'Error: insufficient authorization')
}

/** The words of the command. RFC 1891's xtext, as XCLIENT_README has it. */
export const clientAttributes = (argument: string): readonly ClientAttribute[] | SmtpReply => {
  const found: ClientAttribute[] = []
  for (const word of splitWords(argument)) {
    const equals = word.indexOf('=')
    if (equals < 0) return reply(501, '5.5.4', 'Error: attribute=value expected')
    const given = word.slice(equals + 1)
    const value = decodeXtext(given) ?? given
    found.push({ name: word.slice(0, equals).toUpperCase(), value })
  }
  return found
}

export const isUnavailable = (value: string): boolean => value.toUpperCase() === '[UNAVAILABLE]'
export const isTemporarilyUnavailable = (value: string): boolean => value.toUpperCase() === '[TEMPUNAVAIL]'

export const badSyntax = ({ name, value }: ClientAttribute): SmtpReply =>
  reply(501, '5.5.4', `Bad ${name} syntax: ${value}`)

/** They go into logs and headers. Postfix: neuter(). */
export const harmless = (text: string, maxLength: number): string =>
  text.slice(0, maxLength).replace(/[\x00-\x20<>()\\";@\x7f-\x9f]/g, '?')

/** Postfix: valid_hostname(). */
export const isHostName = (text: string): boolean =>
  text.length <= 255 &&
  isIP(text) === 0 &&
  text.split('.').every((label) => /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label))

/** `192.0.2.1`, `IPV6:2001:db8::1`; undefined: no address. Postfix: valid_mailhost_addr(). */
export const mailHostAddress = (text: string): string | undefined => {
  const isTagged = /^ipv6:/i.test(text)
  const address = isTagged ? text.slice(5) : text
  return isIP(address) === (isTagged ? 6 : 4) ? address.toLowerCase() : undefined
}

export const portNumber = (text: string): number | undefined => {
  if (!/^[0-9]{1,5}$/.test(text)) return undefined
  const port = Number(text)
  return port <= 65_535 ? port : undefined
}
