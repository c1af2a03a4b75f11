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
  readonly dnsblTtlMs: number
  /** postscreen_pipelining_…, postscreen_non_smtp_command_…, postscreen_bare_newline_…: those that are enabled. */
  readonly afterGreeting?: readonly AfterGreeting[]
  /** postscreen_dnsbl_reply_map. */
  readonly dnsblReplyMap: readonly string[]
  /** postscreen_cache_map as a path; '' = in memory only. */
  readonly cachePath: string
  /** postscreen_allowlist_interfaces. */
  readonly allowlistInterfaces: readonly string[]
}
