import type { Account, OwnTurn } from '@posthorn/storage'
import type { Transport } from './transport.ts'

/** Where one address ends up after every alias and .forward. */
export type Leaf =
  | {
      readonly kind: 'mailbox'
      readonly account: Account
      readonly address: string
      /** Default: INBOX. */
      readonly mailbox?: string
    }
  | { readonly kind: 'remote'; readonly address: string; readonly transport: Transport }
  | {
      readonly kind: 'error'
      readonly address: string
      readonly status: string
      readonly text: string
      /** Who finds so. Default: error(8). */
      readonly agent?: 'local' | 'virtual'
    }

/** A leaf with the local address through which mail came to it: its Delivered-To. RFC 9228. */
export interface Delivery {
  readonly leaf: Leaf
  /** undefined: no alias or .forward of ours was on the way. */
  readonly deliveredTo: string | undefined
  /** Of an `owner-` alias, or by srs_domain. Default: who sent the message. */
  readonly sender?: string | undefined
}

/** What one recipient's expansion has cost so far, and the way it has come. */
export interface Walk {
  readonly original: string
  /** Of the message, before any `owner-` alias. */
  readonly envelopeSender: string
  /** Address of the account that submitted it. */
  readonly poster: string | undefined
  /** Local recipient at which the way entered our aliases: Delivered-To (Postfix: frozen_delivered_to). */
  readonly entry: string | undefined
  /** Of an `owner-` alias. */
  readonly sender: string | undefined
  /** Extension of the address that led here, still to be given on. Postfix: propagate_unmatched_extensions. */
  readonly unmatched?: string | undefined
  /** Of the `.forward` or `:include:` file that is being read; undefined: no file, or root's. Postfix: local(8), DELIVERY RIGHTS. */
  readonly ownerUid?: number | undefined
  /** Alias names and accounts already expanded on this way. */
  readonly path: readonly string[]
  readonly from: 'envelope' | 'alias' | 'forward' | 'include'
}

export interface Gathering {
  readonly deliveries: Delivery[]
  /** Accounts and remote addresses that have their copy: each gets one. */
  readonly reached: Set<string>
  /** What this recipient added to it, to be taken back when the recipient fails as a whole. */
  readonly added: string[]
  /** Targets looked at for this recipient. */
  steps: number
  /** Destinations that this recipient led to, also those that had their copy already. */
  served: number
  /** Why a target was refused, told when nothing else was served. */
  refused: Refused | undefined
  /** Of the whole message. */
  readonly turn: OwnTurn
}

export interface Refused {
  readonly status: string
  readonly text: string
}

/** Too deep or too many. Postfix: 100 levels. */
export const maxLevels = 100

/** Targets of aliases that one recipient may lead to, all lists within lists together. */
export const maxTargets = 100_000

/** The tables lead nowhere sensible: the message is not taken, its client tries again. Postfix: cleanup(8). */
export class AliasLimitError extends Error {
  override readonly name = 'AliasLimitError'
}

/** Ends a recipient's expansion; the recipient as a whole fails. */
export class ExpansionError extends Error {
  readonly status: string
  constructor(status: string, message: string) {
    super(message)
    this.name = 'ExpansionError'
    this.status = status
  }
}
