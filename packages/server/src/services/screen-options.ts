import type { ScreenOptions } from '@posthorn/mta'
import type { Config } from '../config/config.ts'

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
    dnsblTtlMs: values.postscreen_dnsbl_ttl,
    dnsblReplyMap: values.postscreen_dnsbl_reply_map,
    cachePath: values.postscreen_cache_map.replace(/^[a-z]+:/, ''),
    allowlistInterfaces: values.postscreen_allowlist_interfaces,
  }
}
