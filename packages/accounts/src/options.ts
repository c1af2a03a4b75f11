/** From the configuration; all but the domain have defaults. */
export interface AccountOptions {
  /** For logins without a domain; lower case. */
  readonly defaultDomain: string
  /** Plain names of mydestination, lower case: there `user@D` is `user` at the default domain. */
  readonly localDomains?: readonly string[]
  /** Whether `defaultDomain` is ours even when no account is there: not with an empty mydestination. Default: yes. */
  readonly ownsDefaultDomain?: 'yes' | 'no'
  /** argon2id; OWASP's first choice by default. */
  readonly memoryKib?: number
  readonly timeCost?: number
  readonly parallelism?: number
  /** Hashes computed at once; each takes a thread and `memoryKib`. */
  readonly hashConcurrency?: number
  /** Logins waiting for a hash, all addresses together. */
  readonly hashQueueLimit?: number
  /** How long a verified password is remembered; 0 = never. */
  readonly cacheTtlMs?: number
  readonly cacheLimit?: number
  /** Failures from an address are counted over this time … */
  readonly failureWindowMs?: number
  /** … and after so many it is refused until the time is over, users known there excepted. 0 = no limit. */
  readonly failureLimit?: number
  /** The delay grows from failure to failure up to this. 0 = no delay. */
  readonly failureDelayMaxMs?: number
  /** Logins under way at once from an address with failures; five times as many from one without. */
  readonly pendingLimit?: number
  /** Logins under way at once in sources beside the store. */
  readonly sourceConcurrency?: number
  /** How long an address is known after a login by POP3 or IMAP; 0 = not at all. */
  readonly popBeforeSmtpMs?: number
  /** SCRAM verifiers are kept beside the hashes; 0 = none are made, and nobody logs in by SCRAM. RFC 7677 §4: 4,096 at least. */
  readonly scramIterations?: number
  /** Makes the salts of users who do not exist; the same in all processes, and after a restart. */
  readonly scramSecret?: string
  /** 'required': nobody logs in without a certificate that is trusted. Dovecot: auth_ssl_require_client_cert. */
  readonly clientCertificates?: 'required' | 'no matter'
}

export type CompleteOptions = Required<AccountOptions>

const defaults: Omit<CompleteOptions, 'defaultDomain'> = {
  localDomains: [],
  ownsDefaultDomain: 'yes',
  memoryKib: 19456,
  timeCost: 2,
  parallelism: 1,
  hashConcurrency: 2,
  hashQueueLimit: 1000,
  cacheTtlMs: 600_000,
  cacheLimit: 50_000,
  failureWindowMs: 600_000,
  failureLimit: 50,
  failureDelayMaxMs: 15_000,
  pendingLimit: 20,
  sourceConcurrency: 8,
  popBeforeSmtpMs: 0,
  scramIterations: 0,
  scramSecret: '',
  clientCertificates: 'no matter',
}

export function completeOptions(options: AccountOptions): CompleteOptions {
  return { ...defaults, ...options }
}
