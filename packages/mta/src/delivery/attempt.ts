import type { DeliveryResult } from '@posthorn/mail'
import type { AccountId, NewRecipient, QueuedRecipient, QueueEntry } from '@posthorn/storage'

/** Recipients of one message that travel together: same transport, next hop, envelope sender and prefix. */
export interface DeliveryJob {
  readonly entry: QueueEntry
  readonly recipients: readonly QueuedRecipient[]
  readonly transport: string
  readonly nextHop: string
  readonly sender: string
  readonly prefix: Uint8Array | undefined
  /** The message with its prefix, anew at each call. */
  content(): AsyncIterable<Uint8Array>
  /** The same when all of it is in memory. */
  readonly pieces?: readonly Uint8Array[]
  /** Octets of `content`. */
  readonly sizeBytes: number
  /** Called off when the lease runs out or the server stops the hard way. */
  readonly signal: AbortSignal
  /** Nothing is delivered: the conversation ends after RCPT, or with the answer to DATA. Postfix: verify(8). */
  readonly probe?: 'rcpt' | 'data'
}

/** What came of one recipient in one attempt. */
export interface Attempt {
  readonly recipient: QueuedRecipient
  /** 'delayed' asks for another attempt. */
  readonly result: DeliveryResult
  /** Present with 'delivered' or 'expanded': done only when the store has done this in the settlement. */
  readonly effect?:
    | {
        readonly kind: 'place'
        readonly account: AccountId
        readonly mailbox: string
        readonly prefix: Uint8Array
      }
    | { readonly kind: 'expand'; readonly recipients: readonly NewRecipient[] }
  /** `relay=`: `host[address]:port`, 'local', 'none'. */
  readonly relay: string
  /** Text in parentheses after `status=`. */
  readonly said: string
  /** The other server reports success itself (RFC 3461 §5.2.2). */
  readonly reportsPassedOn: boolean
  readonly setUpMs: number
  readonly transferMs: number
  /** How often this connection has been used, this message included. */
  readonly connectionUse?: number
  /** No server of the next hop could be talked to: its other mail need not try now. */
  readonly destinationDead?: true
}

/** A delivery agent. Never rejects for what a peer does. */
export type DeliveryAgent = (job: DeliveryJob) => Promise<readonly Attempt[]>

/** Where an address leads now. Implemented by routing. */
export type ResolveRecipient = (request: {
  readonly address: string
  readonly sender: string
  readonly originalRecipient?: string
  readonly notify?: QueuedRecipient['notify']
  readonly nowMs: number
  /** Address of the account that submitted the message. */
  readonly poster?: string
}) => Promise<
  | { readonly kind: 'to'; readonly recipients: readonly NewRecipient[] }
  /** RFC 3463 status of class 4 or 5. */
  | {
      readonly kind: 'refused'
      readonly status: string
      readonly text: string
      /** Who says so. Default: error(8). */
      readonly by?: 'local' | 'virtual'
    }
>

/** One verdict for a recipient, without a conversation. */
export const decided = (
  recipient: QueuedRecipient,
  verdict: {
    readonly action: DeliveryResult['action']
    readonly status: string
    readonly text: string
    readonly relay?: string
    readonly nowMs: number
    readonly effect?: Attempt['effect']
  },
): Attempt => ({
  recipient,
  result: {
    action: verdict.action,
    recipient: recipient.address,
    ...(recipient.originalRecipient === undefined ? {} : { originalRecipient: recipient.originalRecipient }),
    status: verdict.status,
    diagnostic: verdict.text,
    diagnosticType: 'x-posthorn',
    remoteMta: verdict.relay ?? 'none',
    atMs: verdict.nowMs,
  },
  relay: verdict.relay ?? 'none',
  said: verdict.text,
  reportsPassedOn: false,
  setUpMs: 0,
  transferMs: 0,
  ...(verdict.effect === undefined ? {} : { effect: verdict.effect }),
})

/** 'delayed' for class 4, 'failed' for class 5. */
export const actionOf = (status: string): 'delayed' | 'failed' =>
  status.startsWith('5') ? 'failed' : 'delayed'
