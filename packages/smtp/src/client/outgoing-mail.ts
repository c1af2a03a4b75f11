import type { SmtpFailure } from './failure.ts'
import type { RemoteReply } from './reply.ts'

export interface OutgoingRecipient {
  /** With domain, quoted where needed: goes between angle brackets. */
  readonly address: string
  readonly notify?: readonly string[]
  /** `rfc822;a@b`, not encoded. */
  readonly originalRecipient?: string
}

export interface OutgoingMail {
  /** '' for the null reverse-path. */
  readonly sender: string
  readonly recipients: readonly OutgoingRecipient[]
  readonly sizeBytes: number
  readonly body?: '7BIT' | '8BITMIME'
  readonly smtpUtf8?: boolean
  readonly ret?: 'FULL' | 'HDRS'
  readonly envid?: string
  /** RFC 8689 §4.2: only to a server that offers it, over TLS. */
  readonly requireTls?: true
  /** How long it has been in the queue; default 0. */
  readonly waitedMs?: number
  /** No message is sent: the transaction ends after RCPT, or with the answer to DATA. */
  readonly probe?: 'rcpt' | 'data'
  /** For servers that know XFORWARD, when the options say so. Postfix: XFORWARD_README. */
  readonly forwarded?: ForwardedClient
  /** The message anew at each call. */
  content(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  /** The same in 7 bits, for servers without 8BITMIME. RFC 6152 §3. Without it the message is sent as it is. */
  sevenBitContent?(): AsyncIterable<Uint8Array>
}

/** The client that the message came from. */
export interface ForwardedClient {
  readonly name: string
  readonly address: string
  readonly helo: string
  readonly protocol: string
  readonly queueId: string
  readonly port?: number | undefined
  readonly source?: 'local' | 'remote' | undefined
}

/** What became of a recipient. */
export type RecipientOutcome =
  | {
      readonly kind: 'sent'
      readonly reply: RemoteReply
      /** 'dsn': the server promised to report as asked; 'none': it knows no DSN. */
      readonly reports: 'dsn' | 'none'
    }
  | { readonly kind: 'refused'; readonly failure: SmtpFailure }
