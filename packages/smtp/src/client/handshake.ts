import { isFailure, type RemoteConnection } from './connection.ts'
import { replyFailure, type SmtpFailure, type Stage } from './failure.ts'
import { logIn } from './log-in.ts'
import type { SmtpClientOptions, SmtpServerAddress } from './options.ts'
import type { RemoteReply } from './reply.ts'
import { type RemoteTls, startTls } from './start-tls.ts'

/** What the handshake brought: TLS with its facts, or that there is none. */
export interface Ready {
  readonly kind: 'ready'
  readonly tls: RemoteTls | undefined
}

const ready = (tls: RemoteTls | undefined): Ready => ({ kind: 'ready', tls })

/** Greeting, EHLO or HELO or LHLO, STARTTLS, AUTH. RFC 5321 §3.1 and §3.2, RFC 3207, RFC 2033 §4.1. */
export const shakeHands = async (
  connection: RemoteConnection,
  server: SmtpServerAddress,
  options: SmtpClientOptions,
): Promise<Ready | SmtpFailure> => {
  let tls: RemoteTls | undefined
  if (options.wrapperMode === true) {
    const secured = await startTls(connection, server, options)
    if ('kind' in secured) return secured
    tls = secured
  }
  const failure =
    (await greeting(connection, options)) ?? (await sayHello(connection, options, greetingKind(options)))
  if (failure !== undefined) return failure
  if (tls === undefined && wantsTls(connection, options)) {
    const secured = await upgrade(connection, server, options)
    if (secured !== undefined && 'kind' in secured) return secured
    tls = secured
  }
  const refused = ourselves(connection, options) ?? (await logIn(connection, options.login))
  return refused ?? ready(tls)
}

const greetingKind = ({ protocol, ehlo, tlsLevel }: SmtpClientOptions): 'EHLO' | 'HELO' | 'LHLO' => {
  if (protocol === 'lmtp') return 'LHLO'
  return ehlo === 'never' && !isRequired(tlsLevel) ? 'HELO' : 'EHLO'
}

const isRequired = (level: SmtpClientOptions['tlsLevel']): boolean => level !== 'none' && level !== 'may'

const refusedToTalk = (peer: string, reply: RemoteReply, soft: boolean): SmtpFailure => ({
  ...replyFailure(peer, reply, ''),
  status: soft ? reply.status.replace(/^5/, '4') : reply.status,
  text: `host ${peer} refused to talk to me: ${reply.text}`,
})

const greeting = async (
  connection: RemoteConnection,
  { refusingGreeting }: SmtpClientOptions,
): Promise<SmtpFailure | undefined> => {
  const told = await connection.reply(connection.timeouts.heloMs, 'receiving the initial server greeting')
  if (isFailure(told)) return told
  return told.code < 300 ? undefined : refusedToTalk(connection.peer, told, refusingGreeting === 'soft')
}

const sayHello = async (
  connection: RemoteConnection,
  options: SmtpClientOptions,
  verb: 'EHLO' | 'HELO' | 'LHLO',
): Promise<SmtpFailure | undefined> => {
  const stage: Stage =
    verb === 'LHLO'
      ? 'performing the LHLO handshake'
      : verb === 'EHLO'
        ? 'performing the EHLO handshake'
        : 'performing the HELO handshake'
  const { peer, timeouts } = connection
  const told = await connection.command(`${verb} ${options.heloName}`, timeouts.heloMs, stage)
  if (isFailure(told)) return told
  if (told.code < 300) {
    connection.heloName = told.lines[0]?.split(/[ \t]/, 1)[0] ?? ''
    connection.extensions =
      verb === 'HELO' ? new Map() : readExtensions(told.lines, options.discardEhloKeywords)
    return undefined
  }
  // RFC 5321 §3.2: HELO for servers that know nothing else. 421 is the end whatever was asked.
  if (verb === 'EHLO' && told.code !== 421) return sayHello(connection, options, 'HELO')
  return refusedToTalk(peer, told, false)
}

/** RFC 5321 §4.1.1.1; `AUTH=LOGIN` of old servers means AUTH. */
const readExtensions = (
  lines: readonly string[],
  discarded: readonly string[] = [],
): ReadonlyMap<string, string> => {
  const extensions = new Map<string, string>()
  for (const line of lines.slice(1)) {
    const match = /^([A-Za-z0-9-]+)(?:[ =](.*))?$/.exec(line.trim())
    const name = match?.[1]?.toUpperCase()
    if (name === undefined || discarded.includes(name)) continue
    const before = extensions.get(name)
    extensions.set(name, before === undefined ? (match?.[2] ?? '') : `${before} ${match?.[2] ?? ''}`)
  }
  return extensions
}

const wantsTls = (connection: RemoteConnection, { tlsLevel, protocol }: SmtpClientOptions): boolean => {
  if (tlsLevel === 'none') return false
  // A UNIX socket has nobody in the middle.
  if (protocol === 'lmtp' && tlsLevel === 'may' && !connection.has('STARTTLS')) return false
  return isRequired(tlsLevel) || connection.has('STARTTLS')
}

/** RFC 3207 §4.2: what the server said before TLS is forgotten. undefined: it goes on in the clear. */
const upgrade = async (
  connection: RemoteConnection,
  server: SmtpServerAddress,
  options: SmtpClientOptions,
): Promise<RemoteTls | SmtpFailure> => {
  const { peer, timeouts } = connection
  const notOffered = (reply?: RemoteReply): SmtpFailure => ({
    kind: 'tls',
    status: '4.7.4',
    text: `TLS is required, but was not offered by host ${peer}`,
    ...(reply === undefined ? {} : { reply }),
  })
  if (!connection.has('STARTTLS')) return notOffered()
  const timeoutMs = timeouts.startTlsMs ?? timeouts.heloMs
  const told = await connection.command('STARTTLS', timeoutMs, 'performing the TLS handshake')
  if (isFailure(told)) return { ...told, kind: 'tls' }
  if (told.code >= 300) {
    return {
      kind: 'tls',
      status: told.status.replace(/^5/, '4'),
      text: `TLS is required, but host ${peer} refused to start TLS: ${told.text}`,
      reply: told,
    }
  }
  if (connection.unread) {
    return { kind: 'tls', status: '4.7.5', text: `Cannot start TLS: host ${peer} sent more than its answer` }
  }
  const secured = await startTls(connection, server, options)
  if ('kind' in secured) return secured
  const verb = options.protocol === 'lmtp' ? 'LHLO' : 'EHLO'
  return (await sayHello(connection, options, verb)) ?? secured
}

/** A server with our own name is us: the mail would come round for ever. Postfix finds it the same way. */
const ourselves = (
  { peer, heloName: name }: RemoteConnection,
  { heloName, protocol }: SmtpClientOptions,
): SmtpFailure | undefined => {
  if (protocol === 'lmtp' || name.toLowerCase() !== heloName.toLowerCase()) return undefined
  const text = `mail loops back to myself: host ${peer} replied to HELO/EHLO with my own hostname ${name}`
  return { kind: 'capability', status: '5.4.6', text }
}
