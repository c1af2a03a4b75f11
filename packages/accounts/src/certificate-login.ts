import type { Account } from '@posthorn/storage'
import type { LoginClient, LoginRefusal } from './authenticator.ts'
import type { Throttle } from './throttle.ts'

/** Who the certificate names was settled in the handshake; what is left is whether there is such an account. */
export async function judgeCertificate(
  account: Account | undefined,
  user: string,
  client: LoginClient,
  throttle: Throttle,
): Promise<LoginRefusal | Account> {
  const isProved = client.certificate?.user !== undefined && account !== undefined
  if (isProved && account.enabled) {
    if (!client.trusted) await throttle.succeeded(account.address, client.clientAddress)
    return account
  }
  if (!client.trusted) await throttle.failed(account?.address ?? user, client.clientAddress)
  return isProved ? 'disabled' : 'credentials'
}
