import { join } from 'node:path'
import { domainToASCII } from 'node:url'
import type { AccountOptions } from '@posthorn/accounts'
import type { ConfigValues } from '../config/schema/schema.ts'
import { offersScram } from './mechanisms.ts'
import { sharedSecret } from './shared-secret.ts'

/** One spelling for each domain, that of the DNS, as addresses of accounts have it. */
export const asciiDomain = (domain: string): string => domainToASCII(domain) || domain.toLowerCase()

/** Words of mydestination that are plain domain names; files and tables are the router's. */
export const plainDomains = (words: readonly string[]): readonly string[] =>
  words.filter((word) => !word.includes('/') && !word.includes(':')).map(asciiDomain)

/** How logins are checked, from main.cf. */
export function accountOptions(config: ConfigValues): AccountOptions {
  return {
    defaultDomain: asciiDomain(config.auth_default_realm),
    localDomains: plainDomains(config.mydestination),
    ownsDefaultDomain: config.mydestination.length > 0 ? 'yes' : 'no',
    hashConcurrency: config.auth_worker_max_count,
    cacheTtlMs: config.auth_cache_ttl,
    failureWindowMs: config.auth_failure_window,
    failureLimit: config.auth_failure_limit,
    failureDelayMaxMs: config.auth_failure_delay,
    clientCertificates: config.auth_ssl_require_client_cert ? 'required' : 'no matter',
    popBeforeSmtpMs: config.pop_before_smtp_ttl,
    ...(offersScram(config)
      ? {
          scramIterations: config.auth_scram_iterations,
          scramSecret: sharedSecret(join(config.data_directory, 'scram.secret')),
        }
      : {}),
  }
}
