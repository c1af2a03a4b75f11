import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '@posthorn/mail'
import type { Account, Store } from '@posthorn/storage'
import type { Authenticator, Credentials, LoginClient, LoginRefusal, LoginResult } from './authenticator.ts'
import { createHashLanes, type HashLanes } from './hash-lanes.ts'
import { parseLogin } from './login-name.ts'
import type { CompleteOptions } from './options.ts'
import { hashPassword, isOutdated, maxPasswordOctets, preparePassword, verifyPassword } from './password.ts'
import { createPasswordMemory } from './password-memory.ts'
import { type Admission, createThrottle } from './throttle.ts'

export interface AuthenticatorParts {
  readonly store: Store
  readonly now: () => number
  readonly log: Log
  readonly options: () => CompleteOptions
  readonly find: (address: string) => Promise<Account | undefined>
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>
}

/** What a password is judged against. */
interface Claim {
  readonly user: string
  readonly prepared: Buffer
  readonly account: Account | undefined
  /** Changes when the account's password or state does. */
  readonly standing: string
  readonly mac: Buffer
}

const trustedAdmission: Admission = {
  lane: { class: 'known', key: 'trusted' },
  delayMs: 0,
  leave: () => undefined,
}

const refusalText: Record<LoginRefusal, string> = {
  credentials: 'Password mismatch',
  disabled: 'user disabled',
  authorization: 'authorization as another user refused',
  throttled: 'too many failures or attempts from this address',
  unavailable: 'temporary failure',
}

/**
 * One path for everybody: find, slow down, verify. Unknown and disabled users, and those without a
 * password, cost the same hash as a wrong password (CWE-208).
 */
export function createAuthenticator(parts: AuthenticatorParts): Authenticator {
  const { options, now } = parts
  const sleep = parts.sleep ?? sleepFor
  const memory = createPasswordMemory(options)
  const throttle = createThrottle({ counters: parts.store.counters, now, options })
  const lanes = createHashLanes(() => ({
    concurrency: options().hashConcurrency,
    queue: options().hashQueueLimit,
  }))
  const decoy = createDecoy(options)

  /** undefined: no room in the queue. */
  async function verify(claim: Claim, lane: Admission['lane']): Promise<boolean | undefined> {
    const stored = claim.account?.passwordHash ?? ''
    const right = await lanes.run(lane, async () => {
      // For everybody, or the first unknown user would be told apart by two hashes instead of one.
      const nobody = await decoy()
      return verifyPassword(stored === '' ? nobody : stored, claim.prepared)
    })
    if (right === undefined) return undefined
    return right && stored !== ''
  }

  async function judge(
    claim: Claim,
    client: LoginClient,
    admission: Admission,
  ): Promise<LoginRefusal | Account> {
    const nowMs = now()
    const pair = `${client.clientAddress} ${claim.user}`
    if (memory.isVerified(claim.user, claim.standing, claim.mac, nowMs) && claim.account?.enabled) {
      if (!client.trusted) await throttle.succeeded(claim.user, client.clientAddress)
      return claim.account
    }
    if (memory.isRefused(pair, claim.standing, claim.mac, nowMs)) return 'credentials'
    const right = await verify(claim, admission.lane)
    if (right === undefined) return 'throttled'
    if (right && claim.account?.enabled) {
      memory.verified(claim.user, claim.standing, claim.mac, now())
      renewHash(parts, lanes, claim.account, claim.prepared)
      if (!client.trusted) await throttle.succeeded(claim.user, client.clientAddress)
      return claim.account
    }
    memory.refused(pair, claim.standing, claim.mac, now())
    if (!client.trusted) await throttle.failed(claim.user, client.clientAddress)
    return right ? 'disabled' : 'credentials'
  }

  async function attempt(credentials: Credentials, client: LoginClient): Promise<LoginRefusal | Account> {
    const { defaultDomain } = options()
    const user = parseLogin(credentials.authcid, defaultDomain)
    const authzid = credentials.authzid ?? ''
    if (authzid !== '' && parseLogin(authzid, defaultDomain) !== user) return 'authorization'
    const tooLong = credentials.password.length > maxPasswordOctets
    const prepared = preparePassword(tooLong ? '' : credentials.password)
    const admission = client.trusted
      ? trustedAdmission
      : await throttle.admit(user ?? '(invalid)', client.clientAddress)
    if (admission === undefined) return 'throttled'
    try {
      if (admission.delayMs > 0) await sleep(admission.delayMs, client.signal)
      if (client.signal?.aborted) return 'throttled'
      const account = user === undefined || tooLong ? undefined : await parts.find(user)
      const name = account?.address ?? user ?? '(invalid)'
      const standing = account === undefined ? '' : `${account.enabled} ${account.passwordHash}`
      return await judge(
        { user: name, prepared, account, standing, mac: memory.mac(name, prepared) },
        client,
        admission,
      )
    } finally {
      admission.leave()
    }
  }

  return {
    async authenticate(credentials, client): Promise<LoginResult> {
      try {
        const outcome = await attempt(credentials, client)
        if (typeof outcome !== 'string') return { ok: true, account: outcome }
        logRefusal(parts.log, outcome, credentials, client)
        return { ok: false, reason: outcome }
      } catch (error) {
        logRefusal(parts.log, 'unavailable', credentials, client, error)
        return { ok: false, reason: 'unavailable' }
      }
    },
  }
}

/** Parameters grow with the years: the moment of a good login is when a hash can follow (RFC 9106 §4). */
function renewHash(parts: AuthenticatorParts, lanes: HashLanes, account: Account, prepared: Buffer): void {
  const cost = parts.options()
  if (!isOutdated(account.passwordHash, cost)) return
  lanes
    .run({ class: 'failing', key: 'upgrade' }, () => hashPassword(prepared, cost))
    .then(async (passwordHash) => {
      const current = await parts.store.accounts.get(account.id)
      if (passwordHash === undefined || current?.passwordHash !== account.passwordHash) return
      await parts.store.accounts.update(account.id, { passwordHash })
    })
    .catch((error: unknown) =>
      parts.log({
        level: 'error',
        service: 'auth',
        text: `${account.address}: password hash not renewed`,
        error,
      }),
    )
}

/** A hash nobody has the password of, made anew when the cost changes. */
function createDecoy(options: () => CompleteOptions): () => Promise<string> {
  let made: { readonly cost: string; readonly hash: Promise<string> } | undefined
  return () => {
    const { memoryKib, timeCost, parallelism } = options()
    const cost = `${memoryKib} ${timeCost} ${parallelism}`
    if (made?.cost !== cost) {
      made = { cost, hash: hashPassword(Buffer.from('nobody'), { memoryKib, timeCost, parallelism }) }
    }
    return made.hash
  }
}

async function sleepFor(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal })
  } catch {
    // The connection is gone; the caller looks at the signal.
  }
}

function logRefusal(
  log: Log,
  reason: LoginRefusal,
  credentials: Credentials,
  client: LoginClient,
  error?: unknown,
): void {
  log({
    level: reason === 'unavailable' ? 'error' : 'info',
    service: 'auth',
    text: `posthorn(${credentials.authcid.slice(0, 200)},${client.clientAddress}): ${refusalText[reason]}`,
    fields: {
      reason,
      mechanism: credentials.mechanism,
      protocol: client.service,
      client: client.clientAddress,
    },
    ...(error === undefined ? {} : { error }),
  })
}
