/** Postfix: TLS_README, "TLS security levels". */
export const tlsLevels = [
  'none',
  'may',
  'encrypt',
  'dane',
  'dane-only',
  'fingerprint',
  'verify',
  'secure',
] as const
export type TlsLevel = (typeof tlsLevels)[number]
