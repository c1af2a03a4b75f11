import type { AccountId, MailboxId } from './ids.ts'

/** A name and a value that clients keep with a mailbox, or with the server. RFC 5464. */
export interface Annotation {
  /** Lower case, without `/shared` or `/private`: `/comment`. */
  readonly name: string
  readonly value: Uint8Array
}

/** 'server', or a mailbox. */
export type AnnotationPlace = MailboxId | 'server'

export interface AnnotationChange {
  readonly name: string
  /** Whose it is alone; 'shared' = of all who may see the mailbox. */
  readonly scope: AccountId | 'shared'
  /** undefined removes it. */
  readonly value: Uint8Array | undefined
}

/** Octets of one value, and how many values, and octets in all, one place and scope may have. */
export const annotationLimits = {
  valueBytes: 32_768,
  count: 200,
  totalBytes: 1_048_576,
  nameBytes: 512,
} as const

export interface AnnotationStore {
  /** By name. */
  list(place: AnnotationPlace, scope: AccountId | 'shared'): Promise<readonly Annotation[]>
  /**
   * All or nothing. 'limit' for too many, 'too-large' for too long a value.
   * @param origin comes back in the wake-up, for who made the change
   */
  change(place: AnnotationPlace, changes: readonly AnnotationChange[], origin?: string): Promise<void>
}
