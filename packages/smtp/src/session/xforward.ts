import type { ForwardedOrigin, SmtpReply } from '../handler.ts'
import { reply } from '../wire/reply.ts'
import {
  badSyntax,
  type ClientAttribute,
  clientAttributes,
  harmless,
  isHostName,
  isUnavailable,
  mailHostAddress,
  portNumber,
  unfitFor,
} from './client-attributes.ts'
import type { Session } from './session.ts'

export const xforwardOffer = 'XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT'

const unknown: ForwardedOrigin = {
  name: 'unknown',
  address: 'unknown',
  port: 'unknown',
  helo: '',
  protocol: 'unknown',
  ident: '',
}

/** XFORWARD: a content filter brings mail back and tells whose it was, for the log. Postfix: XFORWARD_README. */
export const xforward = (session: Session, argument: string): SmtpReply => {
  const unfit = unfitFor(session, 'XFORWARD', argument)
  if (unfit !== undefined) return unfit
  const attributes = clientAttributes(argument)
  if ('code' in attributes) return attributes
  const origin = { ...(session.peer.forwarded ?? unknown) }
  for (const attribute of attributes) {
    const refused = take(origin, attribute)
    if (refused !== undefined) return refused
  }
  session.peer.forwarded = origin
  return reply(250, '2.0.0', 'Ok')
}

const take = (origin: ForwardedOrigin, attribute: ClientAttribute): SmtpReply | undefined => {
  const { name, value } = attribute
  const isMissing = isUnavailable(value)
  switch (name) {
    case 'NAME':
      if (!isMissing && !isHostName(value)) return badSyntax(attribute)
      origin.name = isMissing ? 'unknown' : value
      return undefined
    case 'ADDR': {
      const address = isMissing ? 'unknown' : mailHostAddress(value)
      if (address === undefined) return badSyntax(attribute)
      origin.address = address
      return undefined
    }
    case 'PORT':
      if (!isMissing && portNumber(value) === undefined) return badSyntax(attribute)
      origin.port = isMissing ? 'unknown' : value
      return undefined
    case 'HELO':
      origin.helo = isMissing ? '' : harmless(value, 255)
      return undefined
    case 'PROTO':
      origin.protocol = isMissing ? 'unknown' : harmless(value, 64)
      return undefined
    case 'IDENT':
      origin.ident = isMissing ? '' : harmless(value, 255)
      return undefined
    case 'SOURCE':
      if (!isMissing && !/^(?:local|remote)$/i.test(value)) return badSyntax(attribute)
      if (isMissing) delete origin.source
      else origin.source = /^local$/i.test(value) ? 'local' : 'remote'
      return undefined
    default:
      return reply(501, '5.5.4', `Bad XFORWARD attribute name: ${name}`)
  }
}
