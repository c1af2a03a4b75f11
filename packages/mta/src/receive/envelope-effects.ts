import type { Effect, FilterTransport } from '../policy/index.ts'
import type { EnvelopeRecipient } from '../routing/index.ts'

/** access(5), header_checks(5): REDIRECT takes the place of all recipients, BCC is one more. */
export function recipientsAfter(
  effects: readonly Effect[],
  recipients: readonly EnvelopeRecipient[],
): readonly EnvelopeRecipient[] {
  let redirect: string | undefined
  const bcc: EnvelopeRecipient[] = []
  for (const effect of effects) {
    if (effect.kind === 'redirect') redirect = effect.address
    if (effect.kind === 'bcc') bcc.splice(0, 1, { address: effect.address, notify: ['NEVER'] })
  }
  return redirect === undefined ? [...recipients, ...bcc] : [redirected(redirect, recipients[0])]
}

/** What the first recipient asked for holds, and the log and X-Original-To name it. Postfix: qmgr(8), REDIRECT. */
function redirected(address: string, first: EnvelopeRecipient | undefined): EnvelopeRecipient {
  if (first === undefined || first.address === address) return { ...first, address }
  const originalRecipient = first.originalRecipient ?? `rfc822;${first.address}`
  return { ...first, address, originalRecipient, originalTo: first.address }
}

/** The last FILTER, else content_filter; one without a next hop goes to default_filter_nexthop. */
export function filterAfter(
  effects: readonly Effect[],
  {
    contentFilter,
    filterNextHop = '',
  }: { readonly contentFilter?: FilterTransport | undefined; readonly filterNextHop?: string },
): FilterTransport | undefined {
  const filter = effects.findLast((effect) => effect.kind === 'filter') ?? contentFilter
  return filter?.nextHop === '' ? { ...filter, nextHop: filterNextHop } : filter
}
