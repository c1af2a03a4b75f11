import type { JWTPayload, JWTVerifyOptions } from 'jose'

/** Where the keys of JWTs come from. */
export interface TokenKeys {
  /**
   * What a token holds that one of the keys has signed.
   * @throws JOSEError or NoKey for a token that is not good; anything else: the keys cannot be had.
   */
  verify(token: string, options: JWTVerifyOptions): Promise<JWTPayload>
}

/** A key that is not there, as against one that cannot be read. */
export class NoKey extends Error {}

/** Keys that could not be had a moment ago; whoever saw that has logged it. */
export class StillNoKeys extends Error {}

/** Signed with the private half of what we have. RFC 7518 §3.1; `none` is not among them (RFC 8725 §3.1). */
export const publicKeyAlgorithms: readonly string[] = [
  ...['RS', 'PS', 'ES'].flatMap((kind) => [256, 384, 512].map((bits) => `${kind}${bits}`)),
  'EdDSA',
]
