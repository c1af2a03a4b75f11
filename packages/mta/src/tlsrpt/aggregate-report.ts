import type { CountedFailure, PolicyTally } from './tally.ts'

/** Who reports. */
export interface Reporter {
  /** RFC 8460 §4.4: organization-name. */
  readonly organization: string
  /** contact-info: an address. */
  readonly contact: string
  /** The domain that mail leaves from: TLS-Report-Submitter. */
  readonly submitter: string
}

export interface AggregateReport {
  readonly domain: string
  readonly id: string
  /** `submitter!domain!begin!end.json.gz` */
  readonly fileName: string
  readonly json: string
}

const dayMs = 86_400_000

const isoSeconds = (ms: number): string => new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z')

const detailOf = (failure: CountedFailure) => ({
  'result-type': failure.type,
  ...(failure.sendingAddress === '' ? {} : { 'sending-mta-ip': failure.sendingAddress }),
  ...(failure.host === '' ? {} : { 'receiving-mx-hostname': failure.host }),
  ...(failure.heloName === '' ? {} : { 'receiving-mx-helo': failure.heloName }),
  ...(failure.receivingAddress === '' ? {} : { 'receiving-ip': failure.receivingAddress }),
  'failed-session-count': failure.count,
  ...(failure.text === '' ? {} : { 'failure-reason-code': failure.text }),
})

const policyOf = (domain: string, { policy, successes, failures, details }: PolicyTally) => ({
  policy: {
    'policy-type': policy.type,
    ...(policy.strings.length === 0 ? {} : { 'policy-string': policy.strings }),
    'policy-domain': domain,
    ...(policy.mxHosts.length === 0 ? {} : { 'mx-host': policy.mxHosts }),
  },
  summary: { 'total-successful-session-count': successes, 'total-failure-session-count': failures },
  ...(details.length === 0 ? {} : { 'failure-details': details.map(detailOf) }),
})

/** What a domain is told of one day (`2026-11-22`, UTC). RFC 8460 §4.4. */
export const aggregateReport = (
  day: string,
  domain: string,
  policies: readonly PolicyTally[],
  { organization, contact, submitter }: Reporter,
): AggregateReport => {
  const beginMs = Date.parse(`${day}T00:00:00Z`)
  const endMs = beginMs + dayMs - 1000
  // The same when a report is made again: a receiver knows it by that. RFC 8460 §4.4.
  const id = `${day}_${domain}@${submitter}`
  const json = JSON.stringify({
    'organization-name': organization,
    'date-range': { 'start-datetime': isoSeconds(beginMs), 'end-datetime': isoSeconds(endMs) },
    'contact-info': contact,
    'report-id': id,
    policies: policies.map((one) => policyOf(domain, one)),
  })
  const fileName = `${submitter}!${domain}!${beginMs / 1000}!${endMs / 1000}.json.gz`
  return { domain, id, fileName, json }
}
