import type { TlsEvent, TlsFailureType } from '@posthorn/smtp'

/** RFC 8460 §4.3, with what only the choice of a policy knows. */
export type ResultType =
  | TlsFailureType
  | 'tlsa-invalid'
  | 'dnssec-invalid'
  | 'dane-required'
  | 'sts-policy-fetch-error'
  | 'sts-policy-invalid'
  | 'sts-webpki-invalid'

/** RFC 8460 §4.4: by which policy a session was judged. */
export interface AppliedPolicy {
  readonly type: 'tlsa' | 'sts' | 'no-policy-found'
  /** TLSA records as text, or the lines of an MTA-STS policy. */
  readonly strings: readonly string[]
  /** The hosts that an MTA-STS policy names. */
  readonly mxHosts: readonly string[]
}

export const noPolicy: AppliedPolicy = { type: 'no-policy-found', strings: [], mxHosts: [] }

/** One session with a server of a domain, or one that was not begun because of a policy. */
export interface SessionResult {
  readonly domain: string
  readonly policy: AppliedPolicy
  readonly failure?: SessionFailure
}

export interface SessionFailure {
  readonly type: ResultType
  readonly text: string
  /** '' = there was no connection. */
  readonly sendingAddress: string
  readonly receivingAddress: string
  readonly host: string
  readonly heloName: string
}

/** Takes note of sessions. */
export interface TlsRecorder {
  record(result: SessionResult): void
  /** Postfix: smtp_tlsrpt_skip_reused_handshakes. */
  readonly resumed: 'counted' | 'skipped'
}

/** A policy failure before any connection. */
export const failureAt = (
  type: ResultType,
  text: string,
  where: Partial<Pick<TlsEvent, 'sendingAddress' | 'receivingAddress' | 'host' | 'heloName'>> = {},
): SessionFailure => ({
  type,
  text,
  sendingAddress: where.sendingAddress ?? '',
  receivingAddress: where.receivingAddress ?? '',
  host: (where.host ?? '').slice(0, 255),
  heloName: (where.heloName ?? '').slice(0, 255),
})
