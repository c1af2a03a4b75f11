import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { lostFailure, type SmtpFailure, type Stage, timeoutFailure } from './failure.ts'
import type { PixWorkarounds, SmtpClientOptions, SmtpServerAddress } from './options.ts'
import { type RemoteReply, readRemoteReply } from './reply.ts'
import { createTlsStart, type RemoteTls } from './start-tls.ts'

/** What must hold while a connection is opened, and what is learnt of the server. */
export interface Opening {
  /** What is being waited for. */
  stage: Stage
  /** Why it ended, when the reason was ours. */
  refusal: SmtpFailure | undefined
  readonly ownName: string
  readonly helloStage: Stage
  /** Takes note of a greeting. */
  greeted(text: string): void
  /** A firewall stands between: what is to be done for it. */
  readonly pix: PixWorkarounds | undefined
  /** HELO at once (Postfix: smtp_never_send_ehlo). */
  readonly saysHelo: boolean
  readonly tlsIsRequired: boolean
  readonly extensions: ReadonlyMap<string, string>
  readonly heloName: string
  readonly tls: RemoteTls | undefined
  /** Notes an answer to EHLO, LHLO or HELO; returns it without the keywords that are not to be seen. */
  hello(text: string): string
  /** The level asks for TLS, and the server does not offer it. */
  unfitForTls(peer: string, isSecure: boolean): SmtpFailure | undefined
  tlsOptions(): ConnectionOptions
  /** Judges the certificate; undefined: as it should be. */
  secured(socket: TLSSocket): SmtpFailure | undefined
  /** The failure behind an error of the connection. */
  failure(peer: string, error: ConnectError): SmtpFailure
}

/** As nodemailer throws it. */
interface ConnectError extends Error {
  readonly code?: string | undefined
  readonly response?: string | undefined
}

export const openingOf = (server: SmtpServerAddress, options: SmtpClientOptions): Opening => {
  const { tlsLevel, protocol, refusingGreeting, discardEhloKeywords = [] } = options
  const tlsIsRequired = tlsLevel !== 'none' && tlsLevel !== 'may'
  let pix: PixWorkarounds | undefined
  const saysHelo = (): boolean =>
    protocol === 'smtp' &&
    !tlsIsRequired &&
    (options.ehlo === 'never' || pix?.words.includes('disable_esmtp') === true)
  const start = createTlsStart(server, options)
  let extensions: ReadonlyMap<string, string> = new Map()
  let heloName = ''
  let tls: RemoteTls | undefined
  const opening: Opening = {
    stage: 'receiving the initial server greeting',
    refusal: undefined,
    ownName: options.heloName,
    get helloStage() {
      return helloStage(protocol, saysHelo())
    },
    get saysHelo() {
      return saysHelo()
    },
    get pix() {
      return pix
    },
    greeted(text) {
      // Nothing but these: Postfix tells a PIX by that.
      if (/^220[20 *\t\n-]*$/.test(text)) pix = options.pix
    },
    tlsIsRequired,
    get extensions() {
      return extensions
    },
    get heloName() {
      return heloName
    },
    get tls() {
      return tls
    },
    hello(text) {
      if (!text.startsWith('2')) return text
      const lines = text
        .split('\n')
        .filter((line, index) => index === 0 || !discardEhloKeywords.includes(keyword(line)))
      heloName = /^\d{3}[ -]([^\s]*)/.exec(lines[0] ?? '')?.[1] ?? ''
      extensions = readExtensions(lines)
      return lines.join('\n')
    },
    unfitForTls(peer, isSecure) {
      if (!tlsIsRequired || isSecure || extensions.has('STARTTLS')) return undefined
      return {
        kind: 'tls',
        status: '4.7.4',
        text: `TLS is required, but was not offered by host ${peer}`,
        tls: 'starttls-not-supported',
      }
    },
    tlsOptions: start.options,
    secured(socket) {
      const result = start.judge(socket)
      if ('kind' in result) return result
      tls = result
      return undefined
    },
    failure(peer, error) {
      if (opening.refusal !== undefined) {
        const { stage, refusal } = opening
        return stage === 'performing the TLS handshake' ? { ...refusal, kind: 'tls' } : refusal
      }
      const reply = error.response === undefined ? undefined : readRemoteReply(error.response)
      if (opening.stage === 'performing the TLS handshake') return tlsFailure(peer, error, reply)
      if (reply === undefined) return lostFailure(peer, opening.stage)
      const isGreeting = opening.stage === 'receiving the initial server greeting'
      return refusedToTalk(peer, reply, isGreeting && refusingGreeting === 'soft')
    },
  }
  return opening
}

const helloStage = (protocol: SmtpClientOptions['protocol'], saysHelo: boolean): Stage => {
  if (protocol === 'lmtp') return 'performing the LHLO handshake'
  return saysHelo ? 'performing the HELO handshake' : 'performing the EHLO handshake'
}

const keyword = (line: string): string => /^\d{3}[ -]([A-Za-z0-9-]+)/.exec(line)?.[1]?.toUpperCase() ?? ''

/** RFC 5321 §4.1.1.1; `AUTH=LOGIN` of old servers means AUTH. */
const readExtensions = (lines: readonly string[]): ReadonlyMap<string, string> => {
  const extensions = new Map<string, string>()
  for (const line of lines.slice(1)) {
    const match = /^\d{3}[ -]([A-Za-z0-9-]+)(?:[ =](.*))?$/.exec(line.trim())
    const name = match?.[1]?.toUpperCase()
    if (name === undefined) continue
    const before = extensions.get(name)
    extensions.set(name, before === undefined ? (match?.[2] ?? '') : `${before} ${match?.[2] ?? ''}`)
  }
  return extensions
}

const tlsFailure = (peer: string, error: ConnectError, reply: RemoteReply | undefined): SmtpFailure => {
  if (reply !== undefined) {
    return {
      kind: 'tls',
      status: reply.status.replace(/^5/, '4'),
      text: `TLS is required, but host ${peer} refused to start TLS: ${reply.text}`,
      tls: 'starttls-not-supported',
      reply,
    }
  }
  if (error.code === 'ETIMEDOUT') {
    return { ...timeoutFailure(peer, 'performing the TLS handshake'), kind: 'tls' }
  }
  if (/^Connection closed/.test(error.message)) {
    return { ...lostFailure(peer, 'performing the TLS handshake'), kind: 'tls' }
  }
  return { kind: 'tls', status: '4.7.5', text: `Cannot start TLS: ${error.message}` }
}

const refusedToTalk = (peer: string, reply: RemoteReply, soft: boolean): SmtpFailure => ({
  kind: 'reply',
  status: soft ? reply.status.replace(/^5/, '4') : reply.status,
  text: `host ${peer} refused to talk to me: ${reply.text}`,
  reply,
})
