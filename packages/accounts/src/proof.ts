import type { Log } from '@posthorn/mail'
import { fakeScramVerifier, minScramIterations, parseScramVerifier } from '@posthorn/sasl'
import type { Account } from '@posthorn/storage'
import type { LoginClient, LoginRefusal, ProofLogin } from './authenticator.ts'
import type { KnownUsers } from './known-users.ts'
import { parseLogin } from './login-name.ts'
import type { CompleteOptions } from './options.ts'
import type { Throttle } from './throttle.ts'

/** A proof counts only against the verifier that the account has now: its password may have changed meanwhile. */
export async function judgeProof(
  { proof, verifier }: ProofLogin,
  account: Account | undefined,
  user: string,
  client: LoginClient,
  throttle: Throttle,
): Promise<LoginRefusal | Account> {
  const right = proof === 'right' && account?.scramVerifier === verifier
  if (right && account.enabled) {
    if (!client.trusted) await throttle.succeeded(user, client.clientAddress)
    return account
  }
  if (!client.trusted) await throttle.failed(user, client.clientAddress)
  return right ? 'disabled' : 'credentials'
}

/** Never rejects: who cannot be looked up gets what nobody can prove. */
export async function scramVerifierOf(
  authcid: string,
  parts: { readonly users: KnownUsers; readonly options: () => CompleteOptions; readonly log: Log },
): Promise<string> {
  const { scramSecret, scramIterations, defaultDomain } = parts.options()
  const login = parseLogin(authcid, defaultDomain)
  const user = login === undefined ? authcid.slice(0, 512) : parts.users.canonical(login)
  const fake = fakeScramVerifier(
    Buffer.from(scramSecret),
    user,
    scramIterations === 0 ? minScramIterations : scramIterations,
  )
  try {
    const account = login === undefined ? undefined : await parts.users.find(login)
    const kept = account?.scramVerifier
    return kept !== undefined && parseScramVerifier(kept) !== undefined ? kept : fake
  } catch (error) {
    parts.log({ level: 'error', service: 'auth', text: `cannot look up ${user.slice(0, 200)}`, error })
    return fake
  }
}
