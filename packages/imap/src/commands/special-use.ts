import type { SpecialUse } from '@posthorn/storage'

/** Attributes that clients may ask for. RFC 6154 §2, \Important RFC 8457. */
export const specialUses: ReadonlyMap<string, SpecialUse> = new Map(
  (['All', 'Archive', 'Drafts', 'Flagged', 'Junk', 'Sent', 'Trash', 'Important'] as const).map((use) => [
    `\\${use.toUpperCase()}`,
    use,
  ]),
)
