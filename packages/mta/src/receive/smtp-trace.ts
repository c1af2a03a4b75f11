import { receivedField } from '@posthorn/mail'
import type { MailFrom, SmtpSession } from '@posthorn/smtp'
import type { EnvelopeOptions, Origin, QueueId } from '@posthorn/storage'
import type { Effect } from '../policy/index.ts'
import type { EnvelopeRecipient } from '../routing/index.ts'
import { isLoopback } from './header-clients.ts'
import type { OwnHeader } from './own-header.ts'
import type { ReceiveConfiguration } from './receive-options.ts'

export interface TracedMail {
  readonly session: SmtpSession
  readonly from: MailFrom
  readonly recipients: readonly EnvelopeRecipient[]
  readonly effects: readonly Effect[]
  /** '' = a filter before the queue has it. */
  readonly queueId: QueueId | ''
  readonly configuration: ReceiveConfiguration
  readonly nowMs: number
}

/** What stands above the message: access(5) PREPEND above our own Received, as in Postfix. */
export function traceFields(mail: TracedMail): Buffer[] {
  const { options, routing } = mail.configuration
  const { session, recipients } = mail
  const only = recipients.length === 1 ? recipients[0]?.address : undefined
  const showsUser = session.user !== undefined && options.authenticatedHeader === 'yes'
  const received = receivedField({
    client: options.clientInReceived ?? 'shown',
    helo: session.helo,
    clientName: session.clientName,
    clientAddress: session.clientAddress,
    host: options.myhostname,
    protocol: session.protocol,
    queueId: mail.queueId,
    nowMs: mail.nowMs,
    offsetMinutes: options.offsetMinutes?.() ?? 0,
    tls: options.tlsInReceived === 'no' ? undefined : session.tls,
    user: showsUser ? session.user?.address : undefined,
    recipient: only === undefined ? undefined : routing.complete(only),
  })
  const fields: Buffer[] = []
  for (const effect of mail.effects) {
    if (effect.kind === 'prepend') fields.push(Buffer.from(`${effect.field}\r\n`))
  }
  fields.push(received)
  return fields
}

/** What the header of a client's mail is mended with; undefined: it is not ours to mend. */
export function ownHeader(mail: TracedMail): OwnHeader | undefined {
  const { options, routing } = mail.configuration
  const isOwn = isOwnClient(mail.session, mail.configuration)
  const rewrites = isOwn ? routing.headerRewrites : routing.remoteHeaderRewrites
  if (rewrites === undefined && options.addMissingHeaders !== 'always') return undefined
  return {
    myhostname: options.myhostname,
    queueId: mail.queueId,
    sender: () => routing.canonicalSender(mail.from.address),
    nowMs: mail.nowMs,
    offsetMinutes: options.offsetMinutes?.() ?? 0,
    rewrites,
    undisclosed: options.undisclosedRecipients,
  }
}

/** Whether the header of a client's mail is ours to complete, and its addresses to rewrite. */
export function isOwnClient(session: SmtpSession, { headerClients }: ReceiveConfiguration): boolean {
  const source = session.forwarded?.source
  if (source !== undefined) return source === 'local'
  if (headerClients !== undefined) return headerClients(session)
  return session.user !== undefined || isLoopback(session.clientAddress)
}

export function envelopeOptions(from: MailFrom): EnvelopeOptions {
  return {
    ...(from.ret === undefined ? {} : { ret: from.ret }),
    ...(from.envid === undefined ? {} : { envid: from.envid }),
    ...(from.smtpUtf8 ? { smtpUtf8: true as const } : {}),
    ...(from.body === undefined ? {} : { body: from.body }),
    ...(from.requireTls ? { requireTls: true as const } : {}),
  }
}

export function originOf(session: SmtpSession, source: 'local' | 'remote'): Origin {
  const { clientName, clientAddress, clientPort, helo, protocol, user, forwarded } = session
  const login = user === undefined ? {} : { saslMethod: user.method, saslUsername: user.address }
  if (forwarded === undefined) {
    return { clientName, clientAddress, clientPort, helo, protocol, source, ...login }
  }
  const { name, address, port, ident } = forwarded
  return {
    clientName: name,
    clientAddress: address,
    helo: forwarded.helo,
    protocol: forwarded.protocol,
    source: forwarded.source ?? source,
    ...(port === 'unknown' ? {} : { clientPort: Number(port) }),
    ...(ident === '' ? {} : { ident }),
    ...login,
  }
}
