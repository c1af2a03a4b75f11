/** Mail that lies elsewhere, one shape for a Maildir, an mbox and another IMAP server. */
export interface MailSource {
  /** Names the place for good: what was brought from it is remembered under this. */
  readonly identity: string
  /** What the person at the terminal sees. */
  readonly title: string
  mailboxes(): Promise<readonly SourceMailbox[]>
  close(): Promise<void>
}

export interface SourceMailbox {
  /** Unicode, levels separated by '/', 'INBOX' for the inbox. */
  readonly name: string
  readonly subscribed: boolean
  /** \Sent and the like, where the other side says so (RFC 6154). */
  readonly specialUse?: string | undefined
  /** Its numbers, when clients can keep what they hold under them. */
  readonly numbers?: { readonly uidValidity: number; readonly uidNext: number } | undefined
  /** Every message, without its octets; ascending by UID where there are UIDs. */
  list(): Promise<readonly SourceMessage[]>
  /** The octets of some of them, each with CRLF line ends; one that is gone meanwhile is left out. */
  read(messages: readonly SourceMessage[]): AsyncIterable<{ message: SourceMessage; octets: Buffer }>
}

export interface SourceMessage {
  /** The same in every pass over this source, and of one message alone. */
  readonly key: string
  readonly uid?: number | undefined
  /** Its POP3 identifier, where the source keeps it. */
  readonly pop3Id?: string | undefined
  /** What pop3_uidl_format's %f and %g were there. */
  readonly fileName?: string | undefined
  readonly guid?: string | undefined
  /** Sum of `systemFlag` values. */
  readonly system: number
  readonly keywords: readonly string[]
  /** ms since 1970. */
  readonly internalDateMs: number
  /** Octets, about: for progress and batches. */
  readonly sizeBytes: number
}

/** Something of the source that cannot be brought here as it is. */
export class SourceError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SourceError'
  }
}
