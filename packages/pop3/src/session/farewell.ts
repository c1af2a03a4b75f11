import type { LoginEnd } from '@posthorn/accounts'
import { err } from '../errors.ts'

/** What a client hears when we end its session. */
export interface Farewell {
  readonly reply: string
  /** For the log. */
  readonly reason: string
  /** Whether lines that have come are answered before. */
  readonly linesBefore: 'answered' | 'dropped'
}

export const serverStops: Farewell = {
  reply: err('Server shutting down.', 'SYS/TEMP'),
  reason: 'Server shutting down.',
  linesBefore: 'answered',
}

/** Whether an account is gone or switched off is not told. */
const gone = err('This account may not be used any more.', 'SYS/PERM')

/** Response codes of RFC 3206. A QUIT that has come is not looked at: it would delete. */
export const farewells: Readonly<Record<LoginEnd, Farewell>> = {
  disabled: { reply: gone, reason: 'User disabled', linesBefore: 'dropped' },
  removed: { reply: gone, reason: 'User removed', linesBefore: 'dropped' },
  renamed: {
    reply: err('This account has another name now.', 'SYS/PERM'),
    reason: 'User renamed',
    linesBefore: 'dropped',
  },
  'new password': {
    reply: err('The password was changed.', 'AUTH'),
    reason: 'Password changed',
    linesBefore: 'dropped',
  },
  kicked: {
    reply: err('Disconnected by the administrator.', 'SYS/TEMP'),
    reason: 'Disconnected by the administrator',
    linesBefore: 'dropped',
  },
}
