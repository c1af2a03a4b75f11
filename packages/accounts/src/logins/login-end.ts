import type { Account } from '@posthorn/storage'

/**
 * Why a session ends before its client wants it:
 *
 * - `disabled`, `removed`, `renamed`: its account
 * - `new password`: the one that it was begun with is no longer the account's
 * - `kicked`: an administrator ended it
 */
export type LoginEnd = 'disabled' | 'removed' | 'renamed' | 'new password' | 'kicked'

/** Mechanisms that have nothing to do with the account's password; upper case. RFC 4422 App. A, RFC 7628. */
const withoutPassword: ReadonlySet<string> = new Set(['EXTERNAL', 'OAUTHBEARER', 'XOAUTH2'])

/**
 * Whether who logged in to `then` may go on now.
 *
 * @param mechanism what he did it by
 * @param now undefined: there is no such account
 */
export function endOf(then: Account, mechanism: string, now: Account | undefined): LoginEnd | undefined {
  if (now === undefined) return 'removed'
  if (!now.enabled) return 'disabled'
  if (now.address !== then.address) return 'renamed'
  // The hash alone says nothing: a better one of the same password takes its place at a login.
  if (now.passwordSetMs !== then.passwordSetMs && !withoutPassword.has(mechanism)) return 'new password'
  return undefined
}
