import type { ScreenOptions } from '@posthorn/mta'
import type { Config } from '../config/config.ts'
import type { ConfigValues } from '../config/schema/schema.ts'

/** How strangers are tested before the greeting, from main.cf. */
export function screenOptions({ values }: Config): ScreenOptions {
  return {
    accessList: values.postscreen_access_list,
    denyAction: values.postscreen_denylist_action,
    greetWaitMs: values.postscreen_greet_wait,
    greetAction: values.postscreen_greet_action,
    greetTtlMs: values.postscreen_greet_ttl,
    dnsblSites: values.postscreen_dnsbl_sites,
    dnsblThreshold: values.postscreen_dnsbl_threshold,
    dnsblAllowThreshold: values.postscreen_dnsbl_allowlist_threshold,
    dnsblAction: values.postscreen_dnsbl_action,
    dnsblTimeoutMs: values.postscreen_dnsbl_timeout,
    dnsblMinTtlMs: values.postscreen_dnsbl_min_ttl,
    dnsblMaxTtlMs: values.postscreen_dnsbl_max_ttl,
    greetBanner: values.postscreen_greet_banner,
    strangers: values.postscreen_pre_queue_limit,
    connectionsPerClient: values.postscreen_client_connection_count_limit,
    commandCountLimit: values.postscreen_command_count_limit,
    commandTimeMs: values.postscreen_command_time_limit,
    dnsblReplyMap: values.postscreen_dnsbl_reply_map,
    afterGreeting: afterGreeting(values),
    cachePath: values.postscreen_cache_map.replace(/^[a-z]+:/, ''),
    allowlistInterfaces: values.postscreen_allowlist_interfaces,
  }
}

/** The tests of how a client speaks that are switched on. */
function afterGreeting(values: ConfigValues): NonNullable<ScreenOptions['afterGreeting']> {
  return [
    ...(values.postscreen_pipelining_enable
      ? [
          {
            what: 'pipelining',
            action: values.postscreen_pipelining_action,
            ttlMs: values.postscreen_pipelining_ttl,
          } as const,
        ]
      : []),
    ...(values.postscreen_non_smtp_command_enable
      ? [
          {
            what: 'non-smtp command',
            action: values.postscreen_non_smtp_command_action,
            ttlMs: values.postscreen_non_smtp_command_ttl,
          } as const,
        ]
      : []),
    ...(values.postscreen_bare_newline_enable
      ? [
          {
            what: 'bare newline',
            action: values.postscreen_bare_newline_action,
            ttlMs: values.postscreen_bare_newline_ttl,
          } as const,
        ]
      : []),
  ]
}
