import type { AddressVerifyOptions, PolicyOptions, RoutingOptions } from '@posthorn/mta'
import type { Config } from '../config/config.ts'
import { routingOptions } from './transfer-options.ts'

/** How addresses are probed, from main.cf. `complete` adds myorigin to the sender of probes. */
export function verifyOptions(
  { values }: Config,
  complete: (address: string) => string,
): AddressVerifyOptions {
  const sender = values.address_verify_sender.replace(/^<>$/, '')
  return {
    path: values.address_verify_map.replace(/^[a-z]+:/, ''),
    sender: sender === '' ? '' : complete(sender),
    senderTtlMs: values.address_verify_sender_ttl,
    delayDigits: values.delay_logging_resolution_limit,
    pollCount: values.address_verify_poll_count,
    pollDelayMs: values.address_verify_poll_delay,
    positiveExpireMs: values.address_verify_positive_expire_time,
    positiveRefreshMs: values.address_verify_positive_refresh_time,
    negativeCache: values.address_verify_negative_cache ? 'yes' : 'no',
    negativeExpireMs: values.address_verify_negative_expire_time,
    negativeRefreshMs: values.address_verify_negative_refresh_time,
    pendingLimit: values.address_verify_pending_request_limit,
    target: values.smtp_address_verify_target,
  }
}

/** How probes find their way: as mail does, but for address_verify_relayhost and its kind. */
export function probeRoutingOptions(config: Config): RoutingOptions {
  const { values } = config
  return {
    ...routingOptions(config),
    relayhost: values.address_verify_relayhost,
    transportMaps: values.address_verify_transport_maps,
    localTransport: values.address_verify_local_transport,
    virtualTransport: values.address_verify_virtual_transport,
    relayTransport: values.address_verify_relay_transport,
    defaultTransport: values.address_verify_default_transport,
    senderDependentRelayhostMaps: values.address_verify_sender_dependent_relayhost_maps,
    senderDependentDefaultTransportMaps: values.address_verify_sender_dependent_default_transport_maps,
  }
}

const overriding = [
  'address_verify_relayhost',
  'address_verify_transport_maps',
  'address_verify_local_transport',
  'address_verify_virtual_transport',
  'address_verify_relay_transport',
  'address_verify_default_transport',
  'address_verify_sender_dependent_relayhost_maps',
  'address_verify_sender_dependent_default_transport_maps',
] as const

/** Whether probes have a way of their own at all. */
export const goesAnotherWay = (config: Config): boolean => overriding.some((name) => config.isSet(name))

/** What is said of addresses that do not pass. */
export function unverifiedOptions({ values }: Config): NonNullable<PolicyOptions['unverified']> {
  return {
    sender: {
      rejectCode: values.unverified_sender_reject_code,
      deferCode: values.unverified_sender_defer_code,
      rejectReason: values.unverified_sender_reject_reason,
      tempfailAction: values.unverified_sender_tempfail_action,
    },
    recipient: {
      rejectCode: values.unverified_recipient_reject_code,
      deferCode: values.unverified_recipient_defer_code,
      rejectReason: values.unverified_recipient_reject_reason,
      tempfailAction: values.unverified_recipient_tempfail_action,
    },
  }
}
