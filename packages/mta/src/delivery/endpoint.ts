import { createHash } from 'node:crypto'
import type { SmtpClientOptions, SmtpServerAddress } from '@posthorn/smtp'
import type { DeliveryJob } from './attempt.ts'
import type { TlsDecision } from './tls-plan.ts'

/** What a connection to a server is opened with. */
export interface Terms {
  readonly site: SmtpClientOptions
  readonly tls: Extract<TlsDecision, { kind: 'use' }>
}

/** Levels that ask nothing of the certificate. */
const unproven: ReadonlySet<string> = new Set(['none', 'may', 'encrypt'])

/**
 * A name that connections share which go to the same server on the same terms, whatever domain their mail was for.
 * Postfix: scache(8), the physical endpoint.
 */
export function endpointOf(
  { host, address, port }: SmtpServerAddress,
  { site, tls, job }: Terms & { readonly job: DeliveryJob },
): string {
  const { level, certificate, tls: settings } = tls
  const { login, localAddress, heloName } = site
  const terms = JSON.stringify([
    host,
    address,
    port,
    level,
    unproven.has(level) ? '' : certificate,
    level === 'none' ? '' : settings,
    login?.user ?? '',
    localAddress ?? '',
    heloName,
    job.entry.options.requireTls === true,
  ])
  // Authorities and keys are long, and none of them belongs into a name.
  return `server ${createHash('sha256').update(terms).digest('base64')}`
}
