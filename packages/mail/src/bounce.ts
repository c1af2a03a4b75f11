import type { DeliveryResult } from './delivery-result.ts'
export interface ReportInput {
  /** myhostname. */
  readonly reportingMta: string
  readonly queueId: string
  /** Envelope sender of the original: the report goes there. */
  readonly sender: string
  readonly arrivedMs: number
  readonly nowMs: number
  /** Minutes east of UTC for dates; default 0. */
  readonly offsetMinutes?: number
  readonly envid?: string
  readonly ret?: 'FULL' | 'HDRS'
  readonly results: readonly DeliveryResult[]
  /** The original, at least its header. Cut after the header when RET=HDRS, for success and delay reports, and above `maxOriginalBytes`. */
  readonly original: Uint8Array
  /** Postfix bounce_size_limit; default 50,000. */
  readonly maxOriginalBytes?: number
  /** For delay warnings: until when delivery is tried. */
  readonly retryUntilMs?: number
  /** Original needed SMTPUTF8 (RFC 6533). */
  readonly smtpUtf8?: boolean
  /** Unique; Message-ID and boundary are made of it. */
  readonly messageId: string
}
/** RFC 3464 multipart/report for failed recipients. From MAILER-DAEMON, to be sent with the null sender. */
export const composeBounce = (_input: ReportInput): Buffer => Buffer.alloc(0)
export const composeDelayWarning = (_input: ReportInput): Buffer => Buffer.alloc(0)
export const composeSuccess = (_input: ReportInput): Buffer => Buffer.alloc(0)
