import { formatDate } from './date.ts'
import { printable } from './printable.ts'

export interface ReceivedInput {
  readonly helo: string
  /** 'unknown' when there is no verified name. */
  readonly clientName: string
  readonly clientAddress: string
  readonly tls?:
    | {
        readonly protocol: string
        readonly cipher: string
        readonly bits: number
        readonly certificateAsked?: 'yes'
        readonly clientCertificate?: {
          readonly trust: 'trusted' | 'untrusted'
          readonly subject: string
          readonly issuer: string
        }
      }
    | undefined
  /** Name of the authenticated user, when it is to be shown (Postfix: smtpd_sasl_authenticated_header). */
  readonly user?: string | undefined
  readonly host: string
  /** 'ESMTPS' … (RFC 3848). */
  readonly protocol: string
  /** '' = none: a filter before the queue has the message. */
  readonly queueId: string
  /** Only when there is exactly one. */
  readonly recipient?: string | undefined
  readonly nowMs: number
  readonly offsetMinutes?: number | undefined
  /** Nothing is told of who it is and how it came. Default: shown. Postfix: smtpd_hide_client_session. */
  readonly client?: 'shown' | 'hidden'
}

export interface LocalReceivedInput {
  readonly host: string
  readonly userid: number | string
  readonly queueId: string
  readonly nowMs: number
  readonly offsetMinutes?: number | undefined
}

const maxHelo = 255
/** RFC 5322 §2.1.1: no line over 998 octets, whatever strangers sent. */
const maxAddress = 900

/** What nearly all names and addresses consist of. */
const harmless = /^[A-Za-z0-9.:@_+=-]*$/

/** In comments and atoms of Received: nothing that ends a comment or an angle address. */
const token = (text: string): string =>
  text.length <= maxHelo && harmless.test(text) ? text : printable(text, maxHelo).replace(/[()<>\\"; ]/g, '?')

const address = (text: string): string =>
  text.length <= maxAddress && harmless.test(text) ? text : printable(text, maxAddress).replace(/[<>]/g, '?')

/** Postfix: smtpd_tls_received_header. */
const certificateText = (tls: NonNullable<ReceivedInput['tls']>): string => {
  const { certificateAsked, clientCertificate: shown } = tls
  if (shown === undefined)
    return certificateAsked === 'yes'
      ? '(Client did not present a certificate)'
      : '(No client certificate requested)'
  const verdict = shown.trust === 'trusted' ? 'verified OK' : 'not verified'
  return `(Client CN "${commonName(shown.subject)}", Issuer "${commonName(shown.issuer)}" (${verdict}))`
}

/** Blanks are usual in names; what would end the comment is not let in. */
const commonName = (text: string): string => printable(text, maxHelo).replace(/[()"\\]/g, '?')

function clientLines(input: ReceivedInput): string[] {
  const lines = [
    `Received: from ${token(input.helo || input.clientName)} (${token(input.clientName)} [${literal(input.clientAddress)}])`,
  ]
  if (input.tls !== undefined) {
    const { protocol, cipher, bits } = input.tls
    lines.push(`(using ${token(protocol)} with cipher ${token(cipher)} (${bits}/${bits} bits))`)
    lines.push(certificateText(input.tls))
  }
  if (input.user !== undefined) lines.push(`(Authenticated sender: ${token(input.user)})`)
  return lines
}

/** Postfix's Received field for mail that came by SMTP. RFC 5321 §4.4. */
export const receivedField = (input: ReceivedInput): Buffer => {
  const id = input.queueId === '' ? '' : ` id ${token(input.queueId)}`
  const lines =
    input.client === 'hidden'
      ? [`Received: by ${token(input.host)} (Posthorn)${id}`]
      : [...clientLines(input), `by ${token(input.host)} (Posthorn) with ${token(input.protocol)}${id}`]
  const forOne = input.recipient !== undefined
  const date = formatDate(input.nowMs, input.offsetMinutes)
  if (forOne) lines.push(`for <${address(input.recipient)}>; ${date}`)
  else lines[lines.length - 1] += `; ${date}`
  return Buffer.from(`${lines.join('\r\n\t')}\r\n`)
}

/** Postfix writes `[IPv6:…]` so that a literal is an RFC 5321 §4.1.3 one. */
const literal = (ip: string): string => token(ip.includes(':') ? `IPv6:${ip}` : ip)

/** `Received: by host (Posthorn, from userid 1000) id …; date` for mail by the sendmail command. */
export const localReceivedField = (input: LocalReceivedInput): Buffer =>
  Buffer.from(
    `Received: by ${token(input.host)} (Posthorn, from userid ${token(`${input.userid}`)})\r\n` +
      `\tid ${token(input.queueId)}; ${formatDate(input.nowMs, input.offsetMinutes)}\r\n`,
  )

/** `Received: by host (Posthorn) id …; date` for mail of our own making. */
export const internalReceivedField = (input: Omit<LocalReceivedInput, 'userid'>): Buffer =>
  Buffer.from(
    `Received: by ${token(input.host)} (Posthorn)\r\n` +
      `\tid ${token(input.queueId)}; ${formatDate(input.nowMs, input.offsetMinutes)}\r\n`,
  )

export interface DeliveryPrefixInput {
  /** '' for the null reverse-path. */
  readonly sender: string
  /** The recipient as it came in, before aliases. */
  readonly originalTo?: string | undefined
  readonly deliveredTo: string
}

/** Return-Path (RFC 5321 §4.4), X-Original-To, Delivered-To (RFC 9228 §4), as Postfix's local delivery. */
export const deliveryPrefix = (input: DeliveryPrefixInput): Buffer => {
  const lines = [`Return-Path: <${address(input.sender)}>`]
  if (input.originalTo !== undefined) lines.push(`X-Original-To: ${address(input.originalTo)}`)
  lines.push(`Delivered-To: ${address(input.deliveredTo)}`, '')
  return Buffer.from(lines.join('\r\n'))
}
