import type { AddressFamily } from '@posthorn/dns'
import {
  type DeliveryOptions,
  type DestinationLimits,
  type Feedback,
  parseFeedback,
  type QueueOptions,
  SharedPlaces,
} from '@posthorn/mta'
import type { Store } from '@posthorn/storage'
import type { Config } from '../config/config.ts'
import type { Parameter } from '../config/schema/parameter.ts'
import { type ConfigValues, type ParameterName, parameters } from '../config/schema/schema.ts'
import type { transportSuffixes } from '../config/transport-parameters.ts'
import { parseValue } from '../config/value.ts'
import { bounceTemplates } from './bounce-templates.ts'

const leaseMs = 1_800_000
const crashLimit = 3
/** Postfix: default_process_limit. */
const deliveries = 100

type Suffix = (typeof transportSuffixes)[number]

const declared = parameters as ReadonlyMap<string, Parameter>

/**
 * `smtp_destination_rate_delay` where it is set, `default_destination_rate_delay` otherwise; so
 * smtp_destination_concurrency_limit, smtp_destination_recipient_limit and their kind.
 */
function limitsOf(config: Config, transport: string): DestinationLimits {
  const own = <T extends string | number>(suffix: Suffix, general: ParameterName & keyof ConfigValues): T => {
    const name = `${transport}${suffix}`
    const text = config.isSet(name) ? config.text(name) : undefined
    const value = config.values[general] as T
    if (text === undefined) return value
    try {
      return parseValue(declared.get(general) as Parameter, text, config.folder) as T
    } catch {
      return value
    }
  }
  return forAllWorkers(config.values.workers, {
    concurrency: own('_destination_concurrency_limit', 'default_destination_concurrency_limit'),
    initialConcurrency: own('_initial_destination_concurrency', 'initial_destination_concurrency'),
    recipients: own('_destination_recipient_limit', 'default_destination_recipient_limit'),
    rateDelayMs: own('_destination_rate_delay', 'default_destination_rate_delay'),
    transportRateDelayMs: own('_transport_rate_delay', 'default_transport_rate_delay'),
    failedCohorts: own(
      '_destination_concurrency_failed_cohort_limit',
      'default_destination_concurrency_failed_cohort_limit',
    ),
    positiveFeedback: feedback(
      own('_destination_concurrency_positive_feedback', 'default_destination_concurrency_positive_feedback'),
    ),
    negativeFeedback: feedback(
      own('_destination_concurrency_negative_feedback', 'default_destination_concurrency_negative_feedback'),
    ),
  })
}

/** Each has its share; of what is too little for that they have one after the other. */
function forAllWorkers(workers: number, limits: DestinationLimits): DestinationLimits {
  const { concurrency, rateDelayMs, transportRateDelayMs = 0 } = limits
  if (workers === 1) return limits
  if (rateDelayMs > 0 || transportRateDelayMs > 0) return { ...limits, places: 1 }
  if (concurrency < workers) return { ...limits, places: Math.max(concurrency, 1) }
  return { ...limits, concurrency: Math.floor(concurrency / workers) }
}

/** Places of transports that all workers share; undefined: there is one worker. */
export const workersOf = (parts: {
  readonly config: Config
  readonly store: Pick<Store, 'locks'>
  readonly owner: string
}): DeliveryOptions['workers'] => {
  const { workers: count } = parts.config.values
  return count === 1 ? undefined : { count, places: new SharedPlaces(parts.store.locks, parts.owner) }
}

/** What cannot be read is Postfix's default; checkConsistency has told of it. */
const feedback = (text: string): Feedback => parseFeedback(text) ?? (() => 1)

/** Each transport's limits are read once for a configuration: the queue asks for them with every message. */
function limitsReader(config: Config): QueueOptions['limitsOf'] {
  const known = new Map<string, DestinationLimits>()
  return (transport) => {
    const found = known.get(transport)
    if (found !== undefined) return found
    const made = limitsOf(config, transport)
    known.set(transport, made)
    return made
  }
}

/** When and how often the queue tries, from main.cf. Made once for a configuration. Throws StartError. */
export function queueOptions(config: Config): QueueOptions {
  const { values } = config
  const templates = bounceTemplates(config)
  return {
    hostname: values.myhostname,
    origin: values.myorigin,
    minimalBackoffMs: values.minimal_backoff_time,
    maximalBackoffMs: values.maximal_backoff_time,
    queueRunDelayMs: values.queue_run_delay,
    delayWarningMs: values.delay_warning_time,
    maximalQueueLifetimeMs: values.maximal_queue_lifetime,
    bounceQueueLifetimeMs: values.bounce_queue_lifetime,
    hopcountLimit: values.hopcount_limit,
    limitsOf: limitsReader(config),
    deferTransports: values.defer_transports,
    delayDigits: values.delay_logging_resolution_limit,
    confirmDelayCleared: values.confirm_delay_cleared ? 'yes' : 'no',
    softBounce: values.soft_bounce ? 'yes' : 'no',
    deliveries: Math.min(deliveries, values.qmgr_message_active_limit),
    earlyDelivery: values.early_delivery ? 'yes' : 'no',
    leaseMs,
    crashLimit,
    bounceSizeLimitBytes: values.bounce_size_limit,
    threaded: values.enable_threaded_bounces ? 'yes' : 'no',
    doubleBounceRecipient: values.notify_classes.includes('2bounce')
      ? values['2bounce_notice_recipient']
      : '',
    doubleBounceSender: values.double_bounce_sender,
    bounceCopyRecipient: values.notify_classes.includes('bounce') ? values.bounce_notice_recipient : '',
    delayCopyRecipient: values.notify_classes.includes('delay') ? values.delay_notice_recipient : '',
    ...(templates === undefined ? {} : { templates }),
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
