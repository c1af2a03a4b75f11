/**
 * The port between SMTP sessions and whoever decides about mail. smtp speaks the protocol and knows no
 * queue, table or policy; mta implements this interface.
 */
import type { CertifiedClient, ClientCertificate } from '@posthorn/net'
import type { ChannelBinding, Credentials, TokenRefusal } from '@posthorn/sasl'

/** A value at once, or later. Sessions ask for thousands of these a second: answer at once where you can. */
export type Answer<T> = T | Promise<T>

/** A reply: code, RFC 3463 status, text lines. `421` and `521` also close the session. */
export interface SmtpReply {
  readonly code: number
  /** `5.1.1`; undefined where the standard gives none (220, 354, EHLO). */
  readonly status?: string
  readonly text: string | readonly string[]
}

/** What is known of the other side; grows as the session goes on. */
export interface SmtpSession {
  readonly id: string
  /** 'mx' = port 25, 'submission' = 587 (AUTH required), 'submissions' = 465, 'lmtp'. */
  readonly service: 'mx' | 'submission' | 'submissions' | 'lmtp'
  /** The four are the connection's own, until XCLIENT says whose it is. */
  clientAddress: string
  clientPort: number
  localAddress: string
  localPort: number
  /** Verified reverse name, or 'unknown' (Postfix's words in logs and Received). */
  clientName: string
  /** '' before HELO. */
  helo: string
  /** 'SMTP' | 'ESMTP' | 'ESMTPS' | 'ESMTPA' | 'ESMTPSA' | 'LMTP' … (RFC 3848), UTF8 prefix by RFC 6531 §4.3. */
  protocol: string
  tls:
    | {
        readonly protocol: string
        readonly cipher: string
        readonly bits: number
        readonly channelBindings?: () => readonly ChannelBinding[]
        /** What the client was asked for, and has shown. Postfix: smtpd_tls_ask_ccert. */
        readonly certificateAsked?: 'yes'
        readonly clientCertificate?: ClientCertificate
        /** Present when that is one that we trust. */
        readonly certified?: CertifiedClient
      }
    | undefined
  user: { readonly address: string; readonly method: string } | undefined
  /** Set by the session before it asks for a login: ends it with this reply, before the next command. */
  dismiss?: (answer: SmtpReply) => void
  /** Set by the handler at connect: line ends without CR are mended, not refused. Postfix: smtpd_forbid_bare_newline_exclusions. */
  bareNewline?: 'accepted'
  /** Set by the handler at connect: AUTH is neither offered nor taken. Postfix: smtpd_sasl_exceptions_networks. */
  auth?: 'hidden'
  /** Set by the handler at connect: which mechanisms (upper case) EHLO names; AUTH takes the others as well. Postfix: smtpd_sasl_mechanism_filter. */
  namesMechanism?: (mechanism: string) => boolean
  /** Set by the handler at connect, upper case: instead of the service's own. Postfix: smtpd_discard_ehlo_keyword_address_maps. */
  discardEhloKeywords?: readonly string[]
  /** How many this client has, this one included; this process only where several serve. */
  connections?: number
  /** Set by the handler at connect: whoever is not known yet is watched until he has shown how he speaks. Postfix: postscreen(8). */
  probation?: Probation
  /** Set by the handler at connect: no delay before the greeting, no limits, bare LF accepted as Postfix does. */
  trusted: boolean
  /** Set by the handler at connect: logs name the client's port, too. Postfix: smtpd_client_port_logging. */
  portInLog?: 'yes'
  /**
   * Set by the handler at connect: commands (`In:  …`) and replies (`Out: …`, all their lines in one) are written down,
   * without what AUTH says. The last thousand and a few are kept.
   */
  transcript?: string[]
  /** Set by the handler at connect: XVERP is offered. Postfix: smtpd_authorized_verp_clients. */
  verp?: 'offered'
  /** Set by the handler at connect: what the client says of its own client is believed. Postfix: smtpd_authorized_xclient_hosts. */
  xclient?: 'offered'
  /** Set by the handler at connect: the same, for the log and what is passed on. Postfix: smtpd_authorized_xforward_hosts. */
  xforward?: 'offered'
  /** Whom the mail of this transaction comes from, by XFORWARD. */
  forwarded?: ForwardedOrigin | undefined
}

/** A name as a proxy has found it; in the place of a name why there is none. */
export type ClaimedName = { readonly name: string } | { readonly missing: 'permanent' | 'temporary' }

/** What a proxy says of its client beside addresses and ports, which the session takes over. Postfix: XCLIENT_README. */
export interface ProxiedClient {
  readonly name?: ClaimedName
  readonly reverseName?: ClaimedName
  /** The user who has logged in at the proxy. */
  readonly login?: string
}

/** The first client of mail that a content filter brings back; 'unknown' where it does not say. Postfix: XFORWARD_README. */
export interface ForwardedOrigin {
  name: string
  address: string
  port: string
  /** '' = not known. */
  helo: string
  protocol: string
  /** Its queue ID there; '' = none. */
  ident: string
  /** Whether the mail was of clients of ours; undefined: not said. */
  source?: 'local' | 'remote'
}

/** What a mail server does not do. */
export type Misconduct = 'pipelining' | 'non-smtp command' | 'bare newline'

export interface Probation {
  /** Called when a client does so; `after` is its command before. 'drop': it is sent away with 521. */
  misconduct(what: Misconduct, after: string, text: string): 'go-on' | 'drop'
  /** Called at each command but QUIT; `after` is the one before. 'drop': it is sent away with 421. */
  command?(after: string): 'go-on' | 'drop'
  /** It waits no longer for a command than so. Default: as long as for others. */
  readonly commandTimeMs?: number
}

export interface MailFrom {
  /** '' for the null reverse-path. Not yet completed with a domain. Source route removed. */
  readonly address: string
  readonly sizeBytes: number | undefined
  readonly body: '7BIT' | '8BITMIME' | undefined
  readonly smtpUtf8: boolean
  readonly requireTls: boolean
  /** XVERP: each recipient gets a return path of its own. Postfix: VERP_README. */
  readonly verp?: 'default' | { readonly delimiters: string } | undefined
  readonly ret: 'FULL' | 'HDRS' | undefined
  /** RFC 3461 §4.4, xtext decoded. */
  readonly envid: string | undefined
}

export interface RcptTo {
  readonly address: string
  readonly notify: readonly ('NEVER' | 'SUCCESS' | 'FAILURE' | 'DELAY')[] | undefined
  /** RFC 3461 §4.2, decoded: `rfc822;a@b`. */
  readonly originalRecipient: string | undefined
}

/** One mail transaction, from MAIL to the end of DATA or RSET. */
export interface SmtpTransaction {
  /** Postfix gives the queue ID at the first accepted recipient; '' before. */
  readonly queueId: string
  rcpt(recipient: RcptTo): Answer<SmtpReply>
  /** Called at DATA or the first BDAT, after at least one accepted recipient: 354 or a refusal. */
  data(): Answer<SmtpReply>
  /** Octets after dot-unstuffing, CRLF line ends. Called in order; a promise asks to wait. */
  write(chunk: Uint8Array): Promise<void> | undefined
  /**
   * After the final dot: durable before a 2yz reply. LMTP: one reply for each accepted recipient, in order
   * (a single reply is repeated for each). The transaction is over, whatever the answer.
   */
  end(): Answer<SmtpReply | readonly SmtpReply[]>
  /** RSET, QUIT, a lost connection, a message too large or a protocol error. Never throws. */
  abort(reason: string): Answer<void>
}

/** The answer to a new connection. */
export interface Greeting extends SmtpReply {
  /** How long a stranger waits for it; default: the service's greetWaitMs. */
  readonly greetWaitMs?: number
  /** A first line that is said at once, without its code. Default: none. Postfix: postscreen_greet_banner. */
  readonly teaser?: string
  /** What happens to one who speaks before it. Default: he is told 521. */
  readonly onPregreet?: 'end' | 'go-on'
  /** Called when he did not. */
  readonly keptSilent?: () => void
}

export type LoginAnswer =
  | { readonly ok: true; readonly address: string }
  | {
      readonly ok: false
      readonly reply: SmtpReply
      /** Of a token: what the client is told, and answers, before the reply. RFC 7628 §3.2.2. */
      readonly tokenRefusal?: TokenRefusal
    }

/** Every method may refuse with a 4yz/5yz reply. The handler logs its own decisions. */
export interface SmtpHandler {
  /** Before the greeting. A reply of 220 goes on (its text is the banner); others are said and the session ends. */
  connect(session: SmtpSession): Answer<Greeting>
  /** undefined: the usual 250. */
  helo(session: SmtpSession, verb: 'HELO' | 'EHLO' | 'LHLO'): Answer<SmtpReply | undefined>
  /** XCLIENT: the session begins anew with another client; the answer is a banner, or a refusal. Absent: nobody may. */
  proxied?(session: SmtpSession, client: ProxiedClient): Answer<Greeting>
  /** STARTTLS, before its 220. undefined: go on. */
  startTls?(session: SmtpSession): Answer<SmtpReply | undefined>
  /** Every command line, before it is looked at; the answer is run in its place. Postfix: smtpd_command_filter. */
  command?(session: SmtpSession, line: string): string
  /** Whether whoever says that verb (upper case) is sent away, beside those that options name. Postfix: smtpd_forbidden_commands. */
  forbids?(session: SmtpSession, verb: string): boolean
  /** A command that is none. undefined: the usual 500. */
  unknown?(session: SmtpSession, line: string): Answer<SmtpReply | undefined>
  authenticate(session: SmtpSession, credentials: Credentials): Answer<LoginAnswer>
  /** What SCRAM needs for that user; absent: it is not offered. */
  scramVerifier?(session: SmtpSession, authcid: string): Promise<string>
  mail(
    session: SmtpSession,
    from: MailFrom,
  ): Answer<{ readonly reply: SmtpReply; readonly transaction?: SmtpTransaction }>
  vrfy(session: SmtpSession, argument: string): Answer<SmtpReply>
  expn(session: SmtpSession, argument: string): Answer<SmtpReply>
  etrn(session: SmtpSession, argument: string): Answer<SmtpReply>
  /** Every reply of code 4yz or 5yz goes through it, those that the session says by itself too. Postfix: smtpd_reject_footer. */
  refused?(session: SmtpSession, reply: SmtpReply): SmtpReply
  /** Session over, for the log line `disconnect from … ehlo=1 mail=1 …`. */
  disconnect(
    session: SmtpSession,
    counts: Readonly<Record<string, readonly [accepted: number, total: number]>>,
  ): void
  /**
   * Protocol noise worth a log line, complete and in Postfix's words: `lost connection after RCPT from
   * unknown[192.0.2.1]`, `improper command pipelining after …`, `SSL_accept error from …`.
   */
  note(session: SmtpSession, what: string): void
}
