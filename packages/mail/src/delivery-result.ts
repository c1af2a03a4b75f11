/** What became of one recipient: made where it happened, travels unchanged into log, queue and report. */
export interface DeliveryResult {
  /** RFC 3464 §2.3.3 action. */
  readonly action: 'delivered' | 'relayed' | 'expanded' | 'delayed' | 'failed'
  /** Final recipient. */
  readonly recipient: string
  /** RFC 3461 §4.2, decoded: `rfc822;a@b`. */
  readonly originalRecipient?: string
  /** RFC 3463 status, `5.1.1`. */
  readonly status: string
  /** What was said: the other server's reply (`550 5.1.1 …`) or our own words. */
  readonly diagnostic: string
  /** Who said it: the remote SMTP server, or this system. */
  readonly diagnosticType: 'smtp' | 'x-posthorn'
  /** For people, when there is more to say than the diagnostic: who said it, and to what. */
  readonly said?: string
  /** `mx.example[192.0.2.1]:25`, 'none' or 'local'. */
  readonly remoteMta: string
  readonly atMs: number
}
