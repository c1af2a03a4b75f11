import type { TokenRefusal } from '@posthorn/sasl'

/** `why` is for the log; no part of a token stands in it. */
export type TokenVerdict =
  /** `user`: as the token names him; `untilMs`: when it ends, where that is known. */
  | { readonly kind: 'valid'; readonly user: string; readonly untilMs?: number | undefined }
  | { readonly kind: 'invalid'; readonly why: string; readonly status?: TokenRefusal['status'] }
  /** Nobody could be asked; the login is to be tried again later. Logged where it is known. */
  | { readonly kind: 'unavailable' }

/** Dovecot: passdb oauth2. Somebody who knows what bearer tokens are worth. */
export interface TokenValidator {
  /** For the log: `oauth2 /etc/posthorn/oauth2.conf`. */
  readonly name: string
  /** Never rejects. */
  validate(token: string): Promise<TokenVerdict>
  /** What refused clients are told beside the status. */
  readonly advice: Omit<TokenRefusal, 'status'>
}
