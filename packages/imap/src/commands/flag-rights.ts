/** Which flags somebody may change: `s` \Seen, `t` \Deleted, `w` all others. RFC 4314 §4. */
import { type FlagMask, type Flags, type Rights, systemFlag } from '@posthorn/storage'

const allSystemFlags = Object.values(systemFlag).reduce((sum, bit) => sum + bit, 0)

/** undefined: all of them. */
export function flagMask(rights: Rights): FlagMask | undefined {
  const [seen, deleted, others] = ['s', 't', 'w'].map((right) => rights.includes(right))
  if (seen && deleted && others) return undefined
  const { seen: seenBit, deleted: deletedBit } = systemFlag
  return {
    system:
      (seen ? seenBit : 0) |
      (deleted ? deletedBit : 0) |
      (others ? allSystemFlags & ~(seenBit | deletedBit) : 0),
    keywords: others ? 'all' : 'none',
  }
}

export function permittedFlags(flags: Flags, rights: Rights): Flags {
  const mask = flagMask(rights)
  if (mask === undefined) return flags
  return { system: flags.system & mask.system, keywords: mask.keywords === 'all' ? flags.keywords : [] }
}

export function isEmpty({ system, keywords }: Flags): boolean {
  return system === 0 && keywords.length === 0
}
