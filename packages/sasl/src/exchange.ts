import type { TokenRefusal } from './bearer.ts'

interface Claimed {
  /** `PLAIN`, `LOGIN`; protocols with commands of their own put `USER`, `PASS` or `LOGIN` here. */
  readonly mechanism: string
  /** Whom to act as; '' = the one who authenticates. */
  readonly authzid: string
  readonly authcid: string
}

/** A password, for somebody else to verify. Texts are Unicode, as sent. */
export interface PasswordCredentials extends Claimed {
  readonly password: string
}

/** A proof, already judged against the verifier that was provided for that user. */
export interface ProofCredentials extends Claimed {
  readonly proof: 'right' | 'wrong'
  readonly verifier: string
}

/** Nothing of its own: the TLS connection's certificate says who it is. `authcid` is ''. RFC 4422 Appendix A. */
export interface CertificateCredentials extends Claimed {
  readonly external: 'certificate'
}

/** A bearer token, for somebody else to validate. `authcid` is who the client says it is, '' = whom the token names. */
export interface TokenCredentials extends Claimed {
  readonly token: string
}

export type Credentials = PasswordCredentials | ProofCredentials | CertificateCredentials | TokenCredentials

/** What ties an exchange to the TLS connection that carries it. RFC 5056, RFC 5929, RFC 9266. */
export interface ChannelBinding {
  /** `tls-exporter`, `tls-server-end-point`. */
  readonly name: string
  readonly octets: () => Buffer | undefined
}

/** `refused`: the client has heard why, and answered. */
export type SaslFailure = 'cancelled' | 'bad-base64' | 'too-long' | 'malformed' | 'refused'

/** Where an exchange stands after a client's message. Every input leads to one of these. */
export type SaslStep =
  /** Raw octets of the server's message; the protocol sends them in base64 after `+ ` or `334 `. */
  | { readonly kind: 'challenge'; readonly data: Buffer }
  /** Somebody must `provide` what is kept for that user. */
  | { readonly kind: 'lookup'; readonly authcid: string }
  /** `final`: when the login is granted, `confirm` makes it the last challenge; its answer leads to `done`. */
  | { readonly kind: 'credentials'; readonly credentials: Credentials; readonly final?: Buffer }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly failure: SaslFailure; readonly text: string }

/** One run of a mechanism, pure: raw messages of the client in, steps out. */
export interface MechanismRun {
  respond(message: Buffer): SaslStep
  /** After `lookup`. */
  provide?(verifier: string): SaslStep
  /** The message that tells the client why it is refused; absent where the outcome alone does. */
  refuse?(refusal: TokenRefusal): Buffer
}

export interface ServerMechanism {
  readonly name: string
  /** Sends the password itself: only under TLS or where plaintext is allowed. */
  readonly plaintext: boolean
  /** Only where the connection has channel bindings. RFC 5802 §6: -PLUS. */
  readonly bound?: true
  /** Only where the client's certificate names its user. RFC 4422 Appendix A: EXTERNAL. */
  readonly certified?: true
  /** Brings a token: only where somebody validates tokens. */
  readonly token?: true
  /**
   * Begins. `initial` is the client's first message when it came with the command (RFC 4422 §3);
   * the step is then its answer.
   */
  begin(
    initial: Buffer | undefined,
    bindings: readonly ChannelBinding[],
  ): { readonly run: MechanismRun; readonly step: SaslStep }
}

export const failed = (failure: SaslFailure, text: string): SaslStep => ({ kind: 'failed', failure, text })

export const malformed = (text: string): SaslStep => failed('malformed', text)

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Strict UTF-8 without NUL; undefined for anything else. RFC 4616 §2. */
export function decodeText(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}
