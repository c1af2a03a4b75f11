import type { ModSeq } from './ids.ts'

/**
 * Flags of one message as two 32-bit words. Word 0: bits 0–4 are the system flags below, bits 5–31 are
 * keywords 0–26 of the mailbox; word 1: keywords 27–58. Keyword n's name is `Mailbox.keywords[n]`
 * ('' for a free slot).
 */
export const systemFlag = { seen: 1, answered: 2, flagged: 4, deleted: 8, draft: 16 } as const
export const maxKeywords = 59

/** Flags by name: system flags lower-case as in `systemFlag`, and keywords as the client spelt them. */
export interface Flags {
  /** Sum of `systemFlag` values. */
  readonly system: number
  readonly keywords: readonly string[]
}

/** Which flags somebody may change (RFC 4314 §4). */
export interface FlagMask {
  /** Sum of `systemFlag` values. */
  readonly system: number
  readonly keywords: 'all' | 'none'
}

export interface FlagChange {
  readonly op: 'add' | 'remove' | 'replace'
  readonly flags: Flags
  /** RFC 7162 §3.1.3: messages changed after this MODSEQ are left alone and reported. */
  readonly unchangedSince?: ModSeq
  /** What may change at all; other flags stay as they are. Default: everything. */
  readonly within?: FlagMask
}
