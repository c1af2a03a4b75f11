import type { TokenRefusal } from '@posthorn/sasl'
import type { Account } from '@posthorn/storage'

interface Claimed {
  /** `PLAIN`, `LOGIN`, `USER` (POP3), `LOGIN-COMMAND` (IMAP LOGIN), `SCRAM-SHA-256`: for the log. */
  readonly mechanism: string
  /** Who logs in: `alice@example.org`, or `alice` at the default domain; case does not matter. */
  readonly authcid: string
  /** Whose account is asked for; '' or absent = the same. Another's is refused (RFC 4616 §2). */
  readonly authzid?: string | undefined
}

/** What a client presented, whichever mechanism brought it. */
export type Credentials = PasswordLogin | ProofLogin | CertificateLogin | TokenLogin

export interface PasswordLogin extends Claimed {
  /** Text, or octets as they came (RFC 4616 has UTF-8; others are taken as they are). */
  readonly password: string | Uint8Array
}

/** SCRAM: the exchange has judged the client's proof against `verifier`, which `scramVerifier` gave. */
export interface ProofLogin extends Claimed {
  readonly proof: 'right' | 'wrong'
  readonly verifier: string
}

/** EXTERNAL: nothing but the client's certificate, see `LoginClient.certificate`. `authcid` is ''. */
export interface CertificateLogin extends Claimed {
  readonly external: 'certificate'
}

/** OAUTHBEARER, XOAUTH2: `authcid` is who the client says it is, '' = whom the token names. */
export interface TokenLogin extends Claimed {
  /** RFC 6750 §2.1: b64token. */
  readonly token: string
}

/** Where it came from. */
export interface LoginClient {
  /** IPv4 or IPv6 in text. */
  readonly clientAddress: string
  /** `imap`, `pop3`, `smtpd`, `submission` …: for the log. */
  readonly service: string
  /** In mynetworks: never delayed, never refused for failures. */
  readonly trusted: boolean
  /**
   * Present when the client has shown a certificate that an authority of ours has issued. Whom it names is who logs
   * in, whatever name came with the password. Dovecot: auth_ssl_username_from_cert.
   */
  readonly certificate?: { readonly user: string | undefined } | undefined
  /** Ends a delay when the connection is gone. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Reasons are for the log and for choosing between "wrong" and "try later"; say the same to the client
 * for `credentials`, `disabled` and `authorization` (NO [AUTHENTICATIONFAILED], 535 5.7.8, -ERR [AUTH]).
 *
 * - `credentials`: unknown user, wrong password, or a token that is not good for him
 * - `disabled`: right password, account switched off
 * - `authorization`: an authzid that is not the user's own
 * - `certificate`: a certificate is required and none that is trusted was shown; no password was looked at
 * - `throttled`: too many failures from this address (NO [LIMIT], 454 4.7.0, -ERR [SYS/TEMP]; not a verdict)
 * - `unavailable`: our fault, logged (NO [UNAVAILABLE], 454 4.7.0, -ERR [SYS/TEMP])
 */
export type LoginRefusal =
  | 'credentials'
  | 'disabled'
  | 'authorization'
  | 'certificate'
  | 'throttled'
  | 'unavailable'

export type LoginResult =
  | { readonly ok: true; readonly account: Account }
  | {
      readonly ok: false
      readonly reason: LoginRefusal
      /** Of a token: what the exchange tells the client before the outcome. RFC 7628 §3.2.2. */
      readonly tokenRefusal?: TokenRefusal
    }

/** The part of accounts that protocols need. Never throws. */
export interface Authenticator {
  authenticate(credentials: Credentials, client: LoginClient): Promise<LoginResult>
  /**
   * What SCRAM-SHA-256 needs for that user; for one who does not exist or has no verifier, what looks like it
   * (RFC 5802 §9). The exchange's outcome goes to `authenticate`, which slows and counts.
   */
  scramVerifier(authcid: string): Promise<string>
}
