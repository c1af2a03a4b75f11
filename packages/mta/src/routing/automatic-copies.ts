import { lookupMapping, type Tables, Together } from '../tables/index.ts'
import type { EnvelopeRecipient } from './planned.ts'
import type { RoutingOptions } from './routing-options.ts'

/** Recipients that every message gets beside its own. They hear nothing of failures (Postfix: NOTIFY=NEVER). */
export interface AutomaticCopies {
  of(sender: string, recipients: readonly EnvelopeRecipient[]): readonly EnvelopeRecipient[]
}

/**
 * Postfix: always_bcc, sender_bcc_maps, recipient_bcc_maps. For new mail alone: what we forward or make
 * ourselves gets none. undefined: no such parameter is set.
 */
export function createAutomaticCopies(
  options: RoutingOptions,
  tables: Tables,
  address: {
    readonly complete: (address: string) => string
    readonly isLocalDomain: (domain: string) => boolean
  },
): AutomaticCopies | undefined {
  const always = options.alwaysBcc ?? ''
  const senderMaps = tables.openAll(options.senderBccMaps ?? [])
  const recipientMaps = tables.openAll(options.recipientBccMaps ?? [])
  if (always === '' && senderMaps.length === 0 && recipientMaps.length === 0) return undefined

  function found(maps: ReturnType<Tables['openAll']>, key: string): string | undefined {
    if (maps.length === 0 || key === '') return undefined
    const local = address.isLocalDomain(key.slice(key.lastIndexOf('@') + 1))
    return lookupMapping(maps, key, {
      delimiter: options.recipientDelimiter ?? '',
      bareNames: local ? 'yes' : 'no',
    })?.value
  }

  return {
    of(sender, recipients) {
      const copies = new Set<string>()
      const together = new Together()
      const add = (copy: string | undefined): void => {
        if (copy !== undefined && copy !== '') copies.add(address.complete(copy))
      }
      add(together.look(() => found(senderMaps, sender), undefined))
      for (const recipient of recipients)
        add(together.look(() => found(recipientMaps, address.complete(recipient.address)), undefined))
      together.settle()
      add(always)
      return [...copies].map((copy) => ({ address: copy, notify: ['NEVER'] }))
    },
  }
}
