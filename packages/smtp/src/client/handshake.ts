import type { RemoteConnection } from './connection.ts'
import type { SmtpFailure } from './failure.ts'
import { logIn } from './log-in.ts'
import type { SmtpClientOptions } from './options.ts'

/** Greeting, EHLO or HELO or LHLO, STARTTLS, AUTH. RFC 5321 §3.1 and §3.2, RFC 3207, RFC 2033 §4.1. */
export const shakeHands = async (
  connection: RemoteConnection,
  options: SmtpClientOptions,
): Promise<SmtpFailure | undefined> =>
  (await connection.open()) ?? ourselves(connection, options) ?? (await logIn(connection, options.login))

/** A server with our own name is us: the mail would come round for ever. Postfix finds it the same way. */
const ourselves = (
  { peer, heloName: name }: RemoteConnection,
  { heloName, protocol, ownHost }: SmtpClientOptions,
): SmtpFailure | undefined => {
  if (protocol === 'lmtp' || ownHost === 'configured' || name.toLowerCase() !== heloName.toLowerCase())
    return undefined
  const text = `mail loops back to myself: host ${peer} replied to HELO/EHLO with my own hostname ${name}`
  return { kind: 'capability', status: '5.4.6', text }
}
