/** Parameters that every transport may have under its own name, `slow_destination_rate_delay`. Postfix: qmgr(8), pipe(8), spawn(8). */
export const transportSuffixes = [
  '_destination_concurrency_limit',
  '_initial_destination_concurrency',
  '_destination_recipient_limit',
  '_destination_rate_delay',
  '_transport_rate_delay',
  '_destination_concurrency_positive_feedback',
  '_destination_concurrency_negative_feedback',
  '_destination_concurrency_failed_cohort_limit',
  '_time_limit',
] as const
