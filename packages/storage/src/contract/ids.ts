/**
 * The store's contract: plain values in, plain values out. Each method is async, one atomic unit of
 * work, and knows no protocol and no database. What acknowledges mail resolves only when the bytes and
 * the index are on disk.
 */

declare const brand: unique symbol
type Branded<T, B extends string> = T & { readonly [brand]: B }

export type AccountId = Branded<number, 'AccountId'>
export type MailboxId = Branded<number, 'MailboxId'>
/** RFC 9051 §2.3.1.1: 32-bit, strictly ascending in a mailbox, never reused. */
export type Uid = Branded<number, 'Uid'>
/** RFC 7162 §3.1: 63-bit by the standard; here at most 2^53-1. Per mailbox. */
export type ModSeq = Branded<number, 'ModSeq'>
/** Identifies a message's immutable octets (trace prefix + body): the OBJECTID EMAILID of RFC 8474. */
export type MessageId = Branded<number, 'MessageId'>
/** As Postfix prints it in mailq and logs: upper-case hexadecimal, unique for ever in one store. */
export type QueueId = Branded<string, 'QueueId'>
