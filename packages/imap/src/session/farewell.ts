import type { LoginEnd } from '@posthorn/accounts'

/** What a client hears when we end its session. */
export interface Farewell {
  /** Behind `* BYE `. */
  readonly text: string
  /** For the log. */
  readonly reason: string
  /** Of a command under way that cannot go on. */
  readonly refusal: string
}

export const serverStops: Farewell = {
  text: 'Server shutting down.',
  reason: 'Server shutting down.',
  refusal: 'The server is shutting down',
}

/** Whether an account is gone or switched off is not told. */
const gone = '[CONTACTADMIN] This account may not be used any more.'

/** Response codes of RFC 5530 §3. */
export const farewells: Readonly<Record<LoginEnd, Farewell>> = {
  disabled: { text: gone, reason: 'User disabled', refusal: 'The account may not be used any more' },
  removed: { text: gone, reason: 'User removed', refusal: 'The account may not be used any more' },
  renamed: {
    text: '[CONTACTADMIN] This account has another name now.',
    reason: 'User renamed',
    refusal: 'The account has another name now',
  },
  'new password': {
    text: '[EXPIRED] The password was changed; log in with the new one.',
    reason: 'Password changed',
    refusal: 'The password was changed',
  },
  kicked: {
    text: 'Disconnected by the administrator.',
    reason: 'Disconnected by the administrator',
    refusal: 'Disconnected by the administrator',
  },
}
