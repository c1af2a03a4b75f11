import type { CertifiedClient, TlsCredentials } from '@posthorn/net'
import type { ChannelBinding } from '@posthorn/sasl'
import type { Account, FlagsChanged, MailboxId, ModSeq, ModSeqSpan, Rights, Store } from '@posthorn/storage'
import type { LiteralSink } from '../commands/command.ts'
import type { Refusal } from '../errors.ts'
import type { FlagTexts } from '../wire/flags.ts'
import type { NotifySpec } from '../wire/notify-groups.ts'
import type { NumberSet } from '../wire/number-set.ts'
import type { OwnChanges } from './news.ts'
import type { Notices } from './notices.ts'
import type { OpenMailbox } from './open-mailbox.ts'
import type { SearchContexts } from './search-contexts.ts'
import type { Services } from './services.ts'

/** RFC 9051 §3. */
export type StateName = 'not-authenticated' | 'authenticated' | 'selected' | 'logout'

/** Extensions that change what is sent once the client has asked for them (RFC 5161). */
export type Extension = 'METADATA' | 'CONDSTORE' | 'QRESYNC' | 'IMAP4rev2' | 'UTF8=ACCEPT' | 'UIDONLY'

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
  /** The same for many at once. */
  writeAll(pieces: readonly Uint8Array[]): Promise<void> | undefined
  /** All that was written has left this process: its memory may be used again. */
  readonly settled: boolean
  /** Octets written that may still be needed: at most the last so many. */
  readonly backlogBytes: number
  /** Sends what was written without waiting for the end of the turn. */
  flush(): void
  /** One short untagged response: `* text` CRLF. */
  untagged(text: string): void
  /** Of the running command. */
  readonly tag: string
  readonly client: Client
  /** `CAPABILITY IMAP4rev1 …` as it is now. */
  capabilities(): string
  /** A capability that is not announced to this client, upper case. */
  withholds(name: string): boolean
  /** What the client says of itself (RFC 2971), names in lower case. */
  identify(fields: ReadonlyMap<string, string>): 'list changed' | 'as before'
  /** No command after this one. */
  logout(): void
  /** The client will send no more, but may still read. */
  readonly endsAfterCommand: boolean
  /** The connection is gone: long work should stop. */
  readonly gone: boolean
  readonly signal: AbortSignal
  /** For work that the client wants done whether it hears of it or not: ends with the server only. */
  readonly stopSignal: AbortSignal
  /** Sends `+ text` and waits for one line; undefined when the connection ends first. */
  ask(text: string): Promise<Buffer | undefined>
}

/** Who is at the other end. */
export interface Client {
  readonly remoteAddress: string
  readonly localAddress: string
  /** Of TLS: `TLSv1.3`; undefined in the clear. */
  readonly secure:
    | {
        readonly protocol: string
        readonly cipher: string
        readonly channelBindings: () => readonly ChannelBinding[]
      }
    | undefined
  /** A certificate that we trust, when it was shown. */
  readonly certificate: CertifiedClient | undefined
  /** Loopback or a trusted network: plaintext login allowed, no delays. */
  readonly trusted: boolean
}

export interface NotAuthenticatedSession extends SessionCommon {
  readonly state: 'not-authenticated'
  /** Becomes authenticated; or says why not (too many connections). @param mechanism for the log */
  login(account: Account, mechanism: string): Promise<Refusal | undefined>
  /** For the line at the end of the session. @param user as the client gave it */
  loginFailed(user: string, mechanism: string): void
  /** LOGIN and mechanisms that send the password itself. */
  readonly plaintextAuth: 'allowed' | 'refused'
  /** Answers OK and upgrades; what the client had pipelined is dropped. */
  startTls(credentials: TlsCredentials): Promise<void>
}

interface LoggedInSession extends SessionCommon {
  readonly account: Account
  /** Becomes selected; the mailbox selected before must have been left. */
  select(mailbox: OpenMailbox): void
  /** Becomes not authenticated, and forgets all that was enabled (RFC 8437 §3). */
  unauthenticate(): void
  readonly compressed: boolean
  /** Answers OK; all that follows is compressed, both ways (RFC 4978). */
  compress(): void
  /** Answers OK, the last that is compressed. @param text with its response code */
  endCompression(text: string): Promise<void>
  /** RFC 5465 §3.1: from now on the client is told of these events alone, also between commands. */
  notify(spec: NotifySpec, status: 'STATUS' | 'no status'): Promise<void>
  /** What the running command does itself is not news to the client; undefined: it asked for none. */
  readonly notices: Notices | undefined
  /** News of the selected mailbox are sent until the client's next line (RFC 9051 §6.3.13). */
  startIdle(): Promise<void>
}

export interface AuthenticatedSession extends LoggedInSession {
  readonly state: 'authenticated'
}

export interface SelectedSession extends LoggedInSession {
  readonly state: 'selected'
  readonly mailbox: OpenMailbox
  /** Results that are kept up to date (RFC 5267). */
  readonly contexts: SearchContexts
  /** Of long work, when the rights may have changed. False, after a BYE, when the mailbox may not be read any more. */
  renewRights(): Promise<boolean>
  /** Becomes authenticated. */
  unselect(): void
  /** Sequence numbers stand in the running command: no EXPUNGE comes before its answer. */
  holdExpunges(): void
  /** Tells the client what changed in the mailbox, as `* n EXPUNGE`, EXISTS, FETCH. */
  sendNews(expunges: 'send' | 'hold'): Promise<void>
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
  readonly uidValidity: number
  readonly access: 'read-write' | 'read-only'
  /** The user's, as of now. RFC 4314 §2.1. */
  readonly rights: Rights
  may(right: string): boolean
  /** UIDs by sequence number - 1. Shared: never modify. */
  readonly uids: Uint32Array
  /** All changes up to here were told to the client. */
  readonly modSeq: ModSeq
  /** Keyword n's name ('' for a free slot), kept up to date. */
  readonly keywords: readonly string[]
  /** Renders FLAGS with these keywords. */
  readonly flagTexts: FlagTexts
  /** Sequence number, or 0 when the client does not know the UID. */
  sequenceOf(uid: number): number
  isRecent(uid: number): boolean
  /** Any \Recent message at all: lets FETCH of 10,000 skip the question. */
  readonly hasRecent: boolean
  /**
   * The client has been told (or asked not to be told: .SILENT) of these changes, so that the news after
   * the command leave them out. The batch is kept until then.
   * @param span of MODSEQs, when nothing else changed between them
   */
  acknowledge(changed: OwnChanges, span?: ModSeqSpan): void
  /** The same of what the client is not told, and made out of messages as it knew them. */
  acknowledgeKnown(stored: FlagsChanged): void
  /** The keyword table as the store gave it: the FLAGS response is sent at once if it changed (RFC 9051 §7.3.5). */
  updateKeywords(keywords: readonly string[]): void
  /** UIDs of SEARCHRES `$`; expunged ones are taken out when the client is told (RFC 5182 §2.1). */
  saved: Uint32Array
}
