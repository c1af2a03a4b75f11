import type { Answer, ClaimedName, Greeting, ProxiedClient, SmtpReply, SmtpSession } from '../handler.ts'
import { reply } from '../wire/reply.ts'
import {
  badSyntax,
  type ClientAttribute,
  clientAttributes,
  harmless,
  isHostName,
  isTemporarilyUnavailable,
  isUnavailable,
  mailHostAddress,
  portNumber,
  unfitFor,
} from './client-attributes.ts'
import type { Session } from './session.ts'

export const xclientOffer = 'XCLIENT NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT'

/** What is taken over when every attribute is in order. */
interface Claims {
  peer: Partial<Pick<SmtpSession, 'clientAddress' | 'clientPort' | 'localAddress' | 'localPort'>>
  helo: string
  protocol: string
  client: { -readonly [N in keyof ProxiedClient]: ProxiedClient[N] }
}

/** XCLIENT: a proxy tells whose commands it passes on; the session begins anew. Postfix: XCLIENT_README. */
export const xclient = (session: Session, argument: string): Answer<SmtpReply | undefined> => {
  const unfit = unfitFor(session, 'XCLIENT', argument)
  if (unfit !== undefined) return unfit
  const { handler } = session.host
  const attributes = clientAttributes(argument)
  if ('code' in attributes) return attributes
  const claims: Claims = { peer: {}, helo: '', protocol: 'SMTP', client: {} }
  for (const attribute of attributes) {
    const refused = claim(claims, attribute)
    if (refused !== undefined) return refused
  }
  if (handler.proxied === undefined) return reply(550, '5.7.0', 'Error: insufficient authorization')
  const { peer } = session
  Object.assign(peer, claims.peer)
  peer.helo = claims.helo
  peer.protocol = peer.service === 'lmtp' ? 'LMTP' : claims.protocol
  peer.user = undefined
  peer.forwarded = undefined
  session.errors.forget()
  const greeting = handler.proxied(peer, claims.client)
  return greeting instanceof Promise
    ? greeting.then((said) => greeted(session, said))
    : greeted(session, greeting)
}

const greeted = (session: Session, { code, status, text }: Greeting): SmtpReply | undefined => {
  const said = { code, text, ...(status === undefined ? {} : { status }) }
  if (code < 400) return said
  session.close(said)
  return undefined
}

const claim = (claims: Claims, attribute: ClientAttribute): SmtpReply | undefined => {
  const { name, value } = attribute
  switch (name) {
    case 'NAME':
    case 'REVERSE_NAME': {
      const claimed = claimedName(value)
      if (claimed === undefined) return badSyntax(attribute)
      claims.client[name === 'NAME' ? 'name' : 'reverseName'] = claimed
      return undefined
    }
    case 'ADDR':
    case 'DESTADDR': {
      const address = isUnavailable(value) ? 'unknown' : mailHostAddress(value)
      if (address === undefined) return badSyntax(attribute)
      claims.peer[name === 'ADDR' ? 'clientAddress' : 'localAddress'] = address
      return undefined
    }
    case 'PORT':
    case 'DESTPORT': {
      const port = isUnavailable(value) ? 0 : portNumber(value)
      if (port === undefined) return badSyntax(attribute)
      claims.peer[name === 'PORT' ? 'clientPort' : 'localPort'] = port
      return undefined
    }
    case 'HELO':
      claims.helo = isUnavailable(value) ? '' : harmless(value, 255)
      return undefined
    case 'PROTO':
      if (!/^E?SMTP$/i.test(value)) return badSyntax(attribute)
      claims.protocol = value.toUpperCase()
      return undefined
    case 'LOGIN':
      if (!isUnavailable(value)) claims.client.login = value.slice(0, 255)
      return undefined
    default:
      return reply(501, '5.5.4', `Bad XCLIENT attribute name: ${name}`)
  }
}

const claimedName = (value: string): ClaimedName | undefined => {
  if (isUnavailable(value)) return { missing: 'permanent' }
  if (isTemporarilyUnavailable(value)) return { missing: 'temporary' }
  return isHostName(value) ? { name: value } : undefined
}
