import type { AutomaticCopies } from './automatic-copies.ts'
import type { EnvelopeRecipient } from './planned.ts'

export interface RuledEnvelope {
  readonly sender: string
  readonly recipients: readonly EnvelopeRecipient[]
}

/** What happens to the envelope of new mail, from SMTP or the sendmail command. Postfix: cleanup(8). */
export interface EnvelopeRules {
  apply(sender: string, recipients: readonly EnvelopeRecipient[]): RuledEnvelope
}

/** undefined: nothing is configured, and nothing need be done for any message. */
export function createEnvelopeRules(rules: {
  readonly copies: AutomaticCopies | undefined
}): EnvelopeRules | undefined {
  const { copies } = rules
  if (copies === undefined) return undefined
  return {
    apply(sender, recipients) {
      return { sender, recipients: [...recipients, ...(copies?.of(sender, recipients) ?? [])] }
    },
  }
}
