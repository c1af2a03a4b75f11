/** RFC 8460 §4.3: what can be wrong with the TLS of a session, as far as a client sees it. */
export type TlsFailureType =
  | 'starttls-not-supported'
  | 'certificate-host-mismatch'
  | 'certificate-expired'
  | 'certificate-not-trusted'
  | 'validation-failure'

/** What came of TLS in one connection. */
export interface TlsEvent {
  /** undefined: TLS as the level demands. */
  readonly failure?: { readonly type: TlsFailureType; readonly text: string }
  /** The authorities of the system and the host's name would not have vouched for the certificate. */
  readonly webPki?: TlsFailureType
  /** No certificate was looked at: a session of before went on. */
  readonly resumed: boolean
  readonly sendingAddress: string
  readonly receivingAddress: string
  readonly host: string
  /** How the server named itself; '' = it did not. */
  readonly heloName: string
}

/** OpenSSL's reason for not trusting a certificate. */
export const trustFailure = (reason: string): TlsFailureType => {
  if (/EXPIRED|NOT_YET_VALID/i.test(reason)) return 'certificate-expired'
  return /ISSUER|SELF_SIGNED|UNTRUSTED|UNABLE_TO|VERIFY_LEAF|CHAIN|CA$/i.test(reason)
    ? 'certificate-not-trusted'
    : 'validation-failure'
}
