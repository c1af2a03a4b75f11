import type { ServerExchange } from '@posthorn/sasl'
import type { SmtpReply } from '../handler.ts'
import type { DataReader } from '../wire/data-reader.ts'

export interface AuthMode {
  readonly kind: 'auth'
  readonly exchange: ServerExchange
  /** The login is granted to this account; the client has to hear the server's proof first. */
  readonly granted?: string
  /** The login is refused with this; the client has to hear why first. */
  readonly refused?: SmtpReply
}

/** What the next octets from the client are. */
export type Mode =
  /** Before the banner: nothing may come from a stranger. */
  | { readonly kind: 'greeting' }
  | { readonly kind: 'command' }
  /** An answer to a SASL challenge. */
  | AuthMode
  | { readonly kind: 'data'; readonly reader: DataReader }
  /** `left` octets of a BDAT chunk (RFC 3030 §2). Those of a refused chunk are thrown away. */
  | { readonly kind: 'chunk'; left: number; readonly sizeBytes: number; readonly after: ChunkEnd }
  /** STARTTLS was answered: whatever still comes in plaintext is dropped (RFC 3207 §4.2). */
  | { readonly kind: 'handshake' }
  | { readonly kind: 'closed' }

export type ChunkEnd =
  | { readonly kind: 'more' }
  | { readonly kind: 'last' }
  | { readonly kind: 'refuse'; readonly reply: SmtpReply }

/** How far a conversation has come, for lines about those that break off. */
export const placeOf = (mode: Mode, lastVerb: string): string => {
  if (mode.kind === 'handshake') return 'STARTTLS'
  return mode.kind === 'data' ? `${lastVerb} (${mode.reader.sizeBytes} bytes)` : lastVerb
}
