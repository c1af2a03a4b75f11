import type { Misconduct } from '@posthorn/smtp'

/** What is done with a client that fails a test. Postfix: postscreen(8). */
export type ScreenAction = 'ignore' | 'enforce' | 'drop'

/** A test of how a client speaks once it is greeted. */
export interface AfterGreeting {
  readonly what: Misconduct
  readonly action: ScreenAction
  /** How long a client that passed is known. */
  readonly ttlMs: number
}

/** Postfix's parameters of postscreen(8). */
export interface ScreenOptions {
  /** postscreen_access_list: `permit_mynetworks`, tables, `permit`, `reject`. */
  readonly accessList: readonly string[]
  /** postscreen_denylist_action. */
  readonly denyAction: ScreenAction
  readonly greetWaitMs: number
  /** postscreen_greet_banner: said at once, as the first line of a greeting that goes on after the wait. '' = nothing. */
  readonly greetBanner?: string
  /** postscreen_pre_queue_limit: strangers in this process at a time. Default: any number. */
  readonly strangers?: number
  /** postscreen_client_connection_count_limit: of one address, as long as they are strangers; 0 = any number. Default 0. */
  readonly connectionsPerClient?: number
  /** postscreen_command_count_limit: of a client that is watched. Default: any number. */
  readonly commandCountLimit?: number
  /** postscreen_command_time_limit. Default: that of the session. */
  readonly commandTimeMs?: number
  readonly greetAction: ScreenAction
  /** How long a client that passed is known. */
  readonly greetTtlMs: number
  /** postscreen_dnsbl_sites: `zen.example.org=127.0.0.[2..11]*3`. */
  readonly dnsblSites: readonly string[]
  readonly dnsblThreshold: number
  /** Negative: a client with this score or less need not wait. 0 = off. */
  readonly dnsblAllowThreshold: number
  readonly dnsblAction: ScreenAction
  readonly dnsblTimeoutMs: number
  /** postscreen_dnsbl_min_ttl, postscreen_dnsbl_max_ttl: bounds of what the answers say. */
  readonly dnsblMinTtlMs: number
  readonly dnsblMaxTtlMs: number
  /** postscreen_pipelining_…, postscreen_non_smtp_command_…, postscreen_bare_newline_…: those that are enabled. */
  readonly afterGreeting?: readonly AfterGreeting[]
  /** postscreen_dnsbl_reply_map. */
  readonly dnsblReplyMap: readonly string[]
  /** postscreen_cache_map as a path; '' = in memory only. */
  readonly cachePath: string
  /** postscreen_allowlist_interfaces. */
  readonly allowlistInterfaces: readonly string[]
}
