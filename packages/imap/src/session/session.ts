import type { Account, Mailbox, MailboxId, MessageBatch, ModSeq, Store } from '@posthorn/storage'
import type { LiteralSink } from '../commands/command.ts'
import type { NumberSet } from '../wire/number-set.ts'
import type { Services } from './services.ts'

/** RFC 9051 §3. */
export type StateName = 'not-authenticated' | 'authenticated' | 'selected' | 'logout'

/** Extensions that change what is sent once the client has asked for them (RFC 5161). */
export type Extension = 'CONDSTORE' | 'QRESYNC' | 'IMAP4rev2' | 'UTF8=ACCEPT'

interface SessionCommon {
  readonly services: Services
  readonly store: Store
  /** In log lines. */
  readonly id: string
  /** How the running command counts messages: `UID FETCH` is 'uid', `FETCH` 'sequence'. */
  readonly numbering: 'sequence' | 'uid'
  /** The sinks of the running command's streamed literals, in order. Those left there are aborted after it. */
  readonly literals: LiteralSink[]
  enabled(extension: Extension): boolean
  /** RFC 5161, and the enabling commands of RFC 7162 §3.1. */
  enable(extension: Extension): void
  /**
   * Queues complete untagged responses (with their CRLF). Strings are written as UTF-8. A promise when the
   * caller should wait before it makes more (back-pressure); it also resolves when the connection is gone.
   */
  write(data: string | Uint8Array): Promise<void> | undefined
  /** The connection is gone: long work should stop. */
  readonly gone: boolean
  readonly signal: AbortSignal
  /** Sends `+ text` and waits for one line; undefined when the connection ends first. */
  ask(text: string): Promise<Buffer | undefined>
}

export interface NotAuthenticatedSession extends SessionCommon {
  readonly state: 'not-authenticated'
}

export interface AuthenticatedSession extends SessionCommon {
  readonly state: 'authenticated'
  readonly account: Account
}

export interface SelectedSession extends SessionCommon {
  readonly state: 'selected'
  readonly account: Account
  readonly mailbox: SelectedMailbox
  /**
   * UIDs named by a set of the running command, ascending. By sequence numbers, one that does not exist
   * is BAD (throws SyntaxFault); by UID, missing ones are left out (RFC 9051 §6.4.9).
   */
  uids(set: NumberSet): Uint32Array
}

export interface LogoutSession extends SessionCommon {
  readonly state: 'logout'
}

export type Session = NotAuthenticatedSession | AuthenticatedSession | SelectedSession | LogoutSession

/** The variants a command accepts; a command for several states gets their union. */
export type SessionIn<S extends StateName> = Extract<Session, { readonly state: S }>

/** The mailbox as the client of one session knows it. */
export interface SelectedMailbox {
  readonly id: MailboxId
  /** As it was at SELECT; name, uidValidity and objectId hold. */
  readonly opened: Mailbox
  readonly access: 'read-write' | 'read-only'
  /** UIDs by sequence number - 1. Shared: never modify. */
  readonly uids: Uint32Array
  /** All changes up to here were told to the client. */
  readonly modSeq: ModSeq
  /** Keyword n's name ('' for a free slot), kept up to date. */
  readonly keywords: readonly string[]
  /** Sequence number, or 0 when the client does not know the UID. */
  sequenceOf(uid: number): number
  isRecent(uid: number): boolean
  /** Any \Recent message at all: lets FETCH of 10,000 skip the question. */
  readonly hasRecent: boolean
  /**
   * The client has been told (or asked not to be told: .SILENT) of these changes, so that the news after
   * the command leave them out. The batch is kept until then.
   */
  acknowledge(changed: MessageBatch): void
  /** The keyword table grew: the FLAGS response is sent before any FETCH that uses a new name (RFC 9051 §7.3.5). */
  updateKeywords(keywords: readonly string[]): void
  /** UIDs of SEARCHRES `$`; expunged ones are taken out when the client is told (RFC 5182 §2.1). */
  saved: Uint32Array
}
