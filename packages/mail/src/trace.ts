export interface ReceivedInput {
  readonly helo: string
  /** 'unknown' when there is no verified name. */
  readonly clientName: string
  readonly clientAddress: string
  readonly tls?: { readonly protocol: string; readonly cipher: string; readonly bits: number }
  readonly user?: string
  readonly host: string
  /** 'ESMTPS' … (RFC 3848). */
  readonly protocol: string
  readonly queueId: string
  /** Only when there is exactly one. */
  readonly recipient?: string
  readonly nowMs: number
  readonly offsetMinutes?: number
}
/** Postfix's Received field (RFC 5321 §4.4) for mail that came by SMTP. */
export const receivedField = (_input: ReceivedInput): Buffer => Buffer.alloc(0)
/** `Received: by host (Posthorn, from userid 1000) id …; date` for mail by sendmail. */
export const localReceivedField = (_input: {
  readonly host: string
  readonly userid: number | string
  readonly queueId: string
  readonly nowMs: number
  readonly offsetMinutes?: number
}): Buffer => Buffer.alloc(0)
/** Return-Path, X-Original-To, Delivered-To as put before a message at final delivery. */
export const deliveryPrefix = (_input: {
  readonly sender: string
  readonly originalTo?: string
  readonly deliveredTo: string
}): Buffer => Buffer.alloc(0)
