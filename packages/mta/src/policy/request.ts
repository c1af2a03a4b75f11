import type { ClientName } from '@posthorn/dns'
import type { ClientCertificate } from '@posthorn/net'

/** The stages of an SMTP session at which restriction lists are asked. Postfix: smtpd_STAGE_restrictions. */
export const stages = [
  'client',
  'helo',
  'sender',
  'relay',
  'recipient',
  'data',
  'end_of_data',
  'etrn',
] as const
export type Stage = (typeof stages)[number]

export interface PolicyClient {
  readonly address: string
  readonly name: ClientName
  /** In mynetworks, and not behind a gateway that hides who it is. */
  readonly inMyNetworks: boolean
  /** Present where logs name it. */
  readonly port?: number
}

/** What policy services are told of the connection; an SmtpSession is one. */
export interface PolicyConnection {
  readonly id: string
  readonly clientPort: number
  readonly localAddress: string
  readonly localPort: number
  readonly tls:
    | {
        readonly protocol: string
        readonly cipher: string
        readonly bits: number
        readonly clientCertificate?: ClientCertificate
      }
    | undefined
  readonly user: { readonly address: string; readonly method: string } | undefined
}

/** Everything a restriction may look at; what the session has not said yet is undefined. */
export interface PolicyRequest {
  /** As logged: `CONNECT`, `EHLO`, `MAIL`, `RCPT`, `DATA`, `END-OF-MESSAGE`, `ETRN`, `VRFY`. */
  readonly command: string
  readonly client: PolicyClient
  /** '' before HELO. */
  readonly helo: string
  readonly protocol: string
  readonly encrypted: boolean
  /** Who authenticated. */
  readonly user: string | undefined
  /** As given (`pkumar` stays so), without quotes where none are needed; '' for the null reverse-path. */
  readonly sender: string | undefined
  readonly recipient: string | undefined
  /** Accepted so far. */
  readonly recipientCount: number
  readonly sizeBytes: number | undefined
  /** '' or undefined before one is given: logged as NOQUEUE. */
  readonly queueId: string
  /** The client sent commands without waiting where it must wait. */
  readonly improperPipelining: boolean
  readonly etrnDomain?: string
  readonly connection?: PolicyConnection
  /** Counts the mail transactions of the connection. */
  readonly transaction?: number
}

/** What a refusal is said of: `<a@b>: Recipient address rejected`. */
export interface Subject {
  readonly name: string
  readonly class: SubjectClass
}

export type SubjectClass =
  | 'Client host'
  | 'Client certificate'
  | 'Unverified Client host'
  | 'Helo command'
  | 'Sender address'
  | 'Recipient address'
  | 'Data command'
  | 'End-of-data'
  | 'Etrn command'

/** `mail.example.org[192.0.2.1]`. Postfix: namaddr. */
export function clientText(client: PolicyClient): string {
  return `${client.name.name}[${client.address}]${client.port === undefined ? '' : `:${client.port}`}`
}

export const senderSubject = (request: PolicyRequest): Subject => ({
  name: request.sender ?? '',
  class: 'Sender address',
})
export const recipientSubject = (request: PolicyRequest): Subject => ({
  name: request.recipient ?? '',
  class: 'Recipient address',
})
export const clientSubject = (request: PolicyRequest): Subject => ({
  name: clientText(request.client),
  class: 'Client host',
})
export const heloSubject = (request: PolicyRequest): Subject => ({
  name: request.helo,
  class: 'Helo command',
})

export function subjectOf(stage: Stage, request: PolicyRequest): Subject {
  switch (stage) {
    case 'client':
      return clientSubject(request)
    case 'helo':
      return heloSubject(request)
    case 'sender':
      return senderSubject(request)
    case 'relay':
    case 'recipient':
      return recipientSubject(request)
    case 'data':
      return { name: 'DATA', class: 'Data command' }
    case 'end_of_data':
      return { name: 'END-OF-MESSAGE', class: 'End-of-data' }
    case 'etrn':
      return { name: request.etrnDomain ?? '', class: 'Etrn command' }
  }
}
