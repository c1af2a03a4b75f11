import type { LoginRefusal } from '@posthorn/accounts'
import { err } from '../errors.ts'

/** The same words for every reason that tells something about an account. RFC 3206, RFC 2449 §8. */
export const loginRefusals: Readonly<Record<LoginRefusal, string>> = {
  credentials: err('Authentication failed.', 'AUTH'),
  disabled: err('Authentication failed.', 'AUTH'),
  authorization: err('Authentication failed.', 'AUTH'),
  certificate: err('A valid client certificate is required.', 'AUTH'),
  throttled: err('Too many failed logins, try again later.', 'SYS/TEMP'),
  unavailable: err('Temporary authentication failure.', 'SYS/TEMP'),
}
