/** What the client proved to know, for somebody else to verify. Texts are Unicode, as sent. */
export interface Credentials {
  /** `PLAIN`, `LOGIN`; protocols with commands of their own put `USER`, `PASS` or `LOGIN` here. */
  readonly mechanism: string
  /** Whom to act as; '' = the one who authenticates. */
  readonly authzid: string
  readonly authcid: string
  readonly password: string
}

export type SaslFailure = 'cancelled' | 'bad-base64' | 'too-long' | 'malformed'

/** Where an exchange stands after a client's message. Every input leads to one of these. */
export type SaslStep =
  /** Raw octets of the server's message; the protocol sends them in base64 after `+ ` or `334 `. */
  | { readonly kind: 'challenge'; readonly data: Buffer }
  | { readonly kind: 'credentials'; readonly credentials: Credentials }
  | { readonly kind: 'failed'; readonly failure: SaslFailure; readonly text: string }

/** One run of a mechanism, pure: raw messages of the client in, steps out. */
export interface MechanismRun {
  respond(message: Buffer): SaslStep
}

export interface ServerMechanism {
  readonly name: string
  /** Sends the password itself: only under TLS or where plaintext is allowed. */
  readonly plaintext: boolean
  /**
   * Begins. `initial` is the client's first message when it came with the command (RFC 4422 §3);
   * the step is then its answer.
   */
  begin(initial: Buffer | undefined): { readonly run: MechanismRun; readonly step: SaslStep }
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
