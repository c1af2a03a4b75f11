import type { ReportOptions } from '../bounce/report.ts'
import type { StatusFilter } from '../delivery/filtered-status.ts'
import type { DestinationLimits } from './destinations.ts'

/** Parameters of the queue, with Postfix's names and defaults. Read anew at each use. */
export interface QueueOptions extends ReportOptions {
  /** Postfix: minimal_backoff_time. */
  readonly minimalBackoffMs: number
  /** Postfix: maximal_backoff_time. */
  readonly maximalBackoffMs: number
  /** Postfix: queue_run_delay: the queue is looked through at least this often. */
  readonly queueRunDelayMs: number
  /** Postfix: delay_warning_time; 0 = no warnings. */
  readonly delayWarningMs: number
  /** Postfix: maximal_queue_lifetime. */
  readonly maximalQueueLifetimeMs: number
  /** Postfix: bounce_queue_lifetime, for mail of the null sender. */
  readonly bounceQueueLifetimeMs: number
  /** Postfix: hopcount_limit. */
  readonly hopcountLimit: number
  /** Postfix: default_destination_concurrency_limit, smtp_destination_concurrency_limit and their kind. */
  readonly limitsOf: (transport: string) => DestinationLimits
  /** Postfix: defer_transports: mail of these waits until somebody asks for it. */
  readonly deferTransports: readonly string[]
  /** Postfix: confirm_delay_cleared. */
  readonly confirmDelayCleared: 'yes' | 'no'
  /** Postfix: delay_logging_resolution_limit. Default: 2. */
  readonly delayDigits?: number
  /** Postfix: soft_bounce. */
  readonly softBounce: 'yes' | 'no'
  /** Mail for a quick destination is sent on before it is stored: docs/decisions/011. Exim: cutthrough_delivery. */
  readonly earlyDelivery: 'yes' | 'no'
  /** Postfix: default_process_limit: deliveries at a time in this process. */
  readonly deliveries: number
  /**
   * By transport: what the agents on this machine say of their recipients under another status or in other words. Postfix:
   * local_delivery_status_filter, virtual_delivery_status_filter, pipe_delivery_status_filter. Default: as it is.
   */
  readonly statusFilterOf?: (transport: string) => StatusFilter | undefined
  /** Longest time one attempt may take; a dead worker's claims are free again after it. */
  readonly leaseMs: number
  /** Claims without an outcome after which a message is put on hold: it seems to kill its worker. */
  readonly crashLimit: number
}

export const defaultDestinationLimits: DestinationLimits = {
  concurrency: 20,
  initialConcurrency: 5,
  recipients: 50,
  rateDelayMs: 0,
}

export const defaultQueueOptions: Omit<QueueOptions, 'hostname'> = {
  minimalBackoffMs: 300_000,
  maximalBackoffMs: 4_000_000,
  queueRunDelayMs: 300_000,
  delayWarningMs: 0,
  maximalQueueLifetimeMs: 5 * 86_400_000,
  bounceQueueLifetimeMs: 5 * 86_400_000,
  hopcountLimit: 50,
  limitsOf: () => defaultDestinationLimits,
  deferTransports: [],
  confirmDelayCleared: 'no',
  softBounce: 'no',
  deliveries: 100,
  earlyDelivery: 'yes',
  leaseMs: 1_800_000,
  crashLimit: 3,
  bounceSizeLimitBytes: 50_000,
  doubleBounceRecipient: 'postmaster',
}
