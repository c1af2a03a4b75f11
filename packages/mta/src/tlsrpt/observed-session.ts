import type { CertificateAssociation, TlsEvent } from '@posthorn/smtp'
import type { StsFailure, StsPolicy } from '../delivery/mta-sts.ts'
import { type AppliedPolicy, failureAt, noPolicy, type SessionFailure } from './session-result.ts'

/** RFC 8460 §4.4: the policy as a JSON array of strings. */
export const stsApplied = ({ mode, mx, maxAgeSeconds }: StsPolicy): AppliedPolicy => ({
  type: 'sts',
  strings: [
    'version: STSv1',
    `mode: ${mode}`,
    ...mx.map((pattern) => `mx: ${pattern}`),
    ...(maxAgeSeconds === undefined ? [] : [`max_age: ${maxAgeSeconds}`]),
  ],
  mxHosts: mx,
})

/** As in a zone file. */
export const tlsaApplied = (associations: readonly CertificateAssociation[]): AppliedPolicy => ({
  type: 'tlsa',
  strings: associations.map(
    ({ usage, selector, matchingType, data }) =>
      `${usage} ${selector} ${matchingType} ${Buffer.from(data).toString('hex').toUpperCase()}`,
  ),
  mxHosts: [],
})

/** What a policy says of a session that TLS has answered for. undefined: all is well. */
export const judgeSession = (
  event: TlsEvent,
  by: {
    /** In force, or only watched (mode testing: RFC 8461 §5). */
    readonly sts: StsPolicy | undefined
    readonly stsFailure: StsFailure | undefined
    readonly hostAllowed: 'allowed' | 'not allowed'
  },
): SessionFailure | undefined => {
  if (event.failure !== undefined) return failureAt(event.failure.type, event.failure.text, event)
  if (by.stsFailure !== undefined) return failureAt(by.stsFailure, '', event)
  if (by.sts === undefined || by.sts.mode === 'none') return undefined
  if (by.hostAllowed === 'not allowed') return failureAt('validation-failure', notNamed, event)
  return event.webPki === undefined ? undefined : failureAt(event.webPki, '', event)
}

/** RFC 8461 §4.1. */
export const notNamed = 'host is not in the MTA-STS policy of its domain'

export { noPolicy }
