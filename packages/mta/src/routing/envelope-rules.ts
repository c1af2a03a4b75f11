import type { HeaderRewrites } from '../rewriting/header-addresses.ts'
import type { Canonical } from '../rewriting/index.ts'
import { Together } from '../tables/index.ts'
import type { AutomaticCopies } from './automatic-copies.ts'
import type { EnvelopeRecipient } from './planned.ts'
import type { RoutingOptions } from './routing-options.ts'

export interface RuledEnvelope {
  readonly sender: string
  readonly recipients: readonly EnvelopeRecipient[]
}

/** What happens to the envelope of new mail, from SMTP or the sendmail command. Postfix: cleanup(8). */
export interface EnvelopeRules {
  /** To be called by way of `answered`. Throws LookupFailed. */
  apply(sender: string, recipients: readonly EnvelopeRecipient[]): RuledEnvelope
}

/** undefined: nothing is configured, and nothing need be done for any message. */
export function createEnvelopeRules(rules: {
  readonly complete: (address: string) => string
  readonly canonical: Canonical | undefined
  readonly copies: AutomaticCopies | undefined
}): EnvelopeRules | undefined {
  const { copies, canonical, complete } = rules
  if (copies === undefined && canonical === undefined) return undefined
  const ofSender = canonical?.rewrites.envelope_sender
  const ofRecipient = canonical?.rewrites.envelope_recipient
  const rewritten = (recipient: EnvelopeRecipient): EnvelopeRecipient => {
    if (ofRecipient === undefined) return recipient
    const before = complete(recipient.address)
    const address = ofRecipient(before)
    if (address === before) return recipient
    return { ...recipient, address, originalRecipient: recipient.originalRecipient ?? `rfc822;${before}` }
  }
  return {
    apply(given, recipients) {
      const together = new Together()
      const sender =
        ofSender === undefined || given === '' ? given : together.look(() => ofSender(given), given)
      const all = recipients.map((recipient) => together.look(() => rewritten(recipient), recipient))
      together.settle()
      if (copies !== undefined) all.push(...copies.of(sender, all).map(rewritten))
      return { sender, recipients: all }
    },
  }
}

/** Postfix: append_at_myorigin, append_dot_mydomain, then canonical(5) for headers of our own clients' mail. */
export const createHeaderRewrites = (
  options: RoutingOptions,
  canonical: Canonical | undefined,
): HeaderRewrites => rewritesWith({ ...options, origin: options.myorigin }, canonical)

/** For headers of others' mail; undefined: it stays as it is. Postfix: remote_header_rewrite_domain. */
export function createRemoteHeaderRewrites(
  options: RoutingOptions,
  canonical: Canonical | undefined,
): HeaderRewrites | undefined {
  const { remoteHeaderRewriteDomain: domain = '' } = options
  return domain === '' ? undefined : rewritesWith({ ...options, origin: domain, mydomain: domain }, canonical)
}

function rewritesWith(
  options: Pick<RoutingOptions, 'appendAtMyorigin' | 'appendDotMydomain' | 'mydomain'> & {
    readonly origin: string
  },
  canonical: Canonical | undefined,
): HeaderRewrites {
  const complete = (address: string): string => {
    const at = address.lastIndexOf('@')
    if (at === -1) return options.appendAtMyorigin === 'no' ? address : `${address}@${options.origin}`
    if (options.appendDotMydomain !== 'yes') return address
    const domain = address.slice(at + 1)
    return domain === '' || domain.includes('.') || domain.startsWith('[')
      ? address
      : `${address}.${options.mydomain}`
  }
  const then = (rewrite: ((address: string) => string) | undefined) =>
    rewrite === undefined ? complete : (address: string) => rewrite(complete(address))
  return {
    sender: then(canonical?.rewrites.header_sender),
    recipient: then(canonical?.rewrites.header_recipient),
  }
}
