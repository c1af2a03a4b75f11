import type { AddressFamily } from '@posthorn/dns'
import type { QueueOptions } from '@posthorn/mta'
import type { ConfigValues } from '../config/schema/schema.ts'

const leaseMs = 1_800_000
const crashLimit = 3

/** Who hears of bounces that could not be returned: the class `2bounce` of notify_classes. */
function doubleBounceRecipient(config: ConfigValues): string {
  return config['2bounce_notice_recipient']
}

/** When and how often the queue tries, from main.cf. */
export function queueOptions(config: ConfigValues): QueueOptions {
  return {
    hostname: config.myhostname,
    minimalBackoffMs: config.minimal_backoff_time,
    maximalBackoffMs: config.maximal_backoff_time,
    queueRunDelayMs: config.queue_run_delay,
    delayWarningMs: config.delay_warning_time,
    maximalQueueLifetimeMs: config.maximal_queue_lifetime,
    bounceQueueLifetimeMs: config.bounce_queue_lifetime,
    hopcountLimit: config.hopcount_limit,
    destinationConcurrency: config.default_destination_concurrency_limit,
    destinationRecipients: config.default_destination_recipient_limit,
    deliveries: 100,
    leaseMs,
    crashLimit,
    bounceSizeLimitBytes: config.bounce_size_limit,
    doubleBounceRecipient: doubleBounceRecipient(config),
  }
}

/** Postfix: inet_protocols and smtp_address_preference, in the order of preference. */
export function addressFamilies(config: ConfigValues): readonly AddressFamily[] {
  const words = config.inet_protocols
  const both: readonly AddressFamily[] =
    config.smtp_address_preference === 'ipv4' ? ['ipv4', 'ipv6'] : ['ipv6', 'ipv4']
  if (words.length === 0 || words.includes('all')) return both
  return both.filter((family) => words.includes(family))
}
