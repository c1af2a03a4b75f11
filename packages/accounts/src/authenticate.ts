import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '@posthorn/mail'
import type { Account, Store } from '@posthorn/storage'
import type { Authenticator, Credentials, LoginClient, LoginRefusal, LoginResult } from './authenticator.ts'
import { judgeCertificate } from './certificate-login.ts'
import { createHashLanes, type HashLanes } from './hash-lanes.ts'
import type { KnownUsers } from './known-users.ts'
import { parseLogin } from './login-name.ts'
import type { CompleteOptions } from './options.ts'
import { hashPassword, maxPasswordOctets, preparePassword, rawPassword, verifyPassword } from './password.ts'
import { createPasswordMemory, type PasswordMemory } from './password-memory.ts'
import { judgeProof, scramVerifierOf } from './proof.ts'
import { renewSecrets } from './renew-secrets.ts'
import type { SourceVerdict, UserSources } from './sources/user-source.ts'
import { type Admission, createThrottle, type Throttle } from './throttle.ts'
import { createTokenJudge, type RefusedToken } from './tokens/token-login.ts'

export interface AuthenticatorParts {
  readonly store: Store
  readonly now: () => number
  readonly log: Log
  readonly options: () => CompleteOptions
  readonly sources: () => UserSources
  readonly users: KnownUsers
  readonly isLocalDomain: (domain: string) => Promise<boolean>
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>
}

/** What a password is judged against. */
interface Claim {
  readonly user: string
  readonly prepared: Buffer
  readonly raw: Buffer
  readonly account: Account | undefined
  /** Changes when the account's password or state does. */
  readonly standing: string
  readonly mac: Buffer
}

/** The client is told of a wrong password; the administrator should not look for one. */
const unknownUser = { reason: 'credentials', why: 'unknown user', refusal: undefined } as const

type Outcome = LoginRefusal | Account | RefusedToken | typeof unknownUser
type Verdict = 'right' | 'wrong' | 'throttled' | 'unavailable'

const trustedAdmission: Admission = {
  lane: { class: 'known', key: 'trusted' },
  delayMs: 0,
  leave: () => undefined,
}

const refusalText: Record<LoginRefusal, string> = {
  credentials: 'Password mismatch',
  disabled: 'user disabled',
  authorization: 'authorization as another user refused',
  certificate: 'no valid client certificate',
  throttled: 'too many failures or attempts from this address',
  unavailable: 'temporary failure',
}

/**
 * One path for everybody: find, slow down, verify. Unknown and disabled users, and those without a
 * password, cost the same hash, and the same questions to other sources, as a wrong password (CWE-208).
 */
export function createAuthenticator(parts: AuthenticatorParts): Authenticator {
  const sleep = parts.sleep ?? sleepFor
  const throttle = createThrottle({ counters: parts.store.counters, now: parts.now, options: parts.options })
  const judge = createJudge(parts, throttle)
  const judgeToken = createTokenJudge(parts, throttle)

  async function admitted(
    user: string,
    client: LoginClient,
    work: (admission: Admission) => Promise<Outcome>,
  ): Promise<Outcome> {
    const admission = client.trusted ? trustedAdmission : await throttle.admit(user, client.clientAddress)
    if (admission === undefined) return 'throttled'
    try {
      if (admission.delayMs > 0) await sleep(admission.delayMs, client.signal)
      if (client.signal?.aborted) return 'throttled'
      return await work(admission)
    } finally {
      admission.leave()
    }
  }

  async function attempt(credentials: Credentials, client: LoginClient): Promise<Outcome> {
    const { defaultDomain, clientCertificates } = parts.options()
    if (clientCertificates === 'required' && client.certificate === undefined) return 'certificate'
    const login = parseLogin(credentials.authcid, defaultDomain)
    const authzid = credentials.authzid ?? ''
    if (authzid !== '' && parseLogin(authzid, defaultDomain) !== login) return 'authorization'
    const user = login === undefined ? undefined : parts.users.canonical(login)
    return admitted(login ?? nameless(credentials), client, async (admission) => {
      if ('token' in credentials) return judgeToken(credentials, login, client, admission)
      if ('proof' in credentials) {
        const account = login === undefined ? undefined : await parts.users.find(login)
        const name = account?.address ?? user ?? '(invalid)'
        return judgeProof(credentials, account, name, client, throttle)
      }
      if ('external' in credentials) {
        const account = login === undefined ? undefined : await parts.users.find(login)
        return judgeCertificate(account, user ?? '(invalid)', client, throttle)
      }
      return judge(login, credentials.password, client, admission)
    })
  }

  return {
    async authenticate(given, client): Promise<LoginResult> {
      const credentials = { ...given, authcid: client.certificate?.user ?? given.authcid }
      try {
        const outcome = await attempt(credentials, client)
        if (typeof outcome === 'string') {
          logRefusal(parts.log, outcome, credentials, client)
          return { ok: false, reason: outcome }
        }
        if (!('refusal' in outcome)) return { ok: true, account: outcome }
        const { reason, why, refusal: tokenRefusal } = outcome
        logRefusal(parts.log, reason, credentials, client, { why })
        return { ok: false, reason, ...(tokenRefusal && { tokenRefusal }) }
      } catch (error) {
        logRefusal(parts.log, 'unavailable', credentials, client, { error })
        return { ok: false, reason: 'unavailable' }
      }
    },
    scramVerifier: (authcid) => scramVerifierOf(authcid, parts),
  }
}

/** Passwords: what is remembered, then the store's hash, then other sources in turn. */
function createJudge(parts: AuthenticatorParts, throttle: Throttle) {
  const { options, now, users } = parts
  const memory = createPasswordMemory(options)
  const lanes = createHashLanes(() => ({
    concurrency: options().hashConcurrency,
    queue: options().hashQueueLimit,
  }))
  const decoy = createDecoy(options)
  const verify = createVerifier(parts, lanes, decoy)

  async function claimOf(login: string | undefined, password: string | Uint8Array): Promise<Claim> {
    const tooLong = password.length > maxPasswordOctets
    const prepared = preparePassword(tooLong ? '' : password)
    const account = login === undefined || tooLong ? undefined : await users.find(login)
    const user = account?.address ?? (login === undefined ? '(invalid)' : users.canonical(login))
    return {
      user,
      prepared,
      raw: rawPassword(tooLong ? '' : password),
      account,
      standing: await standingOf(account, parts.sources()),
      mac: memory.mac(user, prepared),
    }
  }

  async function granted(claim: Claim, account: Account, client: LoginClient): Promise<Account> {
    if (!client.trusted) await throttle.succeeded(claim.user, client.clientAddress)
    return account
  }

  return async (
    login: string | undefined,
    password: string | Uint8Array,
    client: LoginClient,
    admission: Admission,
  ): Promise<Outcome> => {
    const claim = await claimOf(login, password)
    const nowMs = now()
    const pair = `${client.clientAddress} ${claim.user}`
    // Other sources do not say whether they know a user.
    const isUnknown = claim.account === undefined && parts.sources().passwords.length === 0
    const refused = isUnknown ? unknownUser : 'credentials'
    if (memory.isVerified(claim.user, claim.standing, claim.mac, nowMs) && claim.account?.enabled)
      return granted(claim, claim.account, client)
    if (memory.isRefused(pair, claim.standing, claim.mac, nowMs)) return refused
    const verdict = await verify(claim, login, admission.lane)
    if (verdict === 'throttled' || verdict === 'unavailable') return verdict
    const right = verdict === 'right'
    const account = right ? (claim.account ?? (await users.make(claim.user))) : undefined
    if (account?.enabled) {
      memory.verified(claim.user, await standingOf(account, parts.sources()), claim.mac, now())
      renewSecrets(parts, lanes, account, claim)
      return granted(claim, account, client)
    }
    rememberRefusal(memory, parts, { pair, claim, nowMs: now() })
    if (!client.trusted) await throttle.failed(claim.user, client.clientAddress)
    return right ? 'disabled' : refused
  }
}

/** Not where a source may change its mind unseen: a new password must work at once. */
function rememberRefusal(
  memory: PasswordMemory,
  parts: AuthenticatorParts,
  { pair, claim, nowMs }: { readonly pair: string; readonly claim: Claim; readonly nowMs: number },
): void {
  if (parts.sources().passwords.some((source) => source.stamp === undefined)) return
  memory.refused(pair, claim.standing, claim.mac, nowMs)
}

async function standingOf(account: Account | undefined, { passwords }: UserSources): Promise<string> {
  let stamps = ''
  for (const source of passwords) stamps += ` ${(await source.stamp?.()) ?? ''}`
  return account === undefined ? stamps : `${account.enabled} ${account.passwordHash} ${stamps}`
}

function createVerifier(parts: AuthenticatorParts, lanes: HashLanes, decoy: () => Promise<string>) {
  const sourceLanes = createHashLanes(() => ({
    concurrency: parts.options().sourceConcurrency,
    queue: parts.options().hashQueueLimit,
  }))

  async function askSources(user: string, raw: Buffer): Promise<SourceVerdict> {
    let verdict: SourceVerdict = 'wrong'
    for (const source of parts.sources().passwords) {
      const answer = await source.check?.(user, raw)
      if (answer === 'right') return 'right'
      if (answer === 'unavailable') verdict = answer
    }
    return verdict
  }

  return async (claim: Claim, login: string | undefined, lane: Admission['lane']): Promise<Verdict> => {
    const stored = claim.account?.passwordHash ?? ''
    const right = await lanes.run(lane, async () => {
      // For everybody, or the first unknown user would be told apart by two hashes instead of one.
      const nobody = await decoy()
      return verifyPassword(stored === '' ? nobody : stored, claim.prepared, claim.raw)
    })
    if (right === undefined) return 'throttled'
    if (right && stored !== '') return 'right'
    if (parts.sources().passwords.length === 0 || login === undefined || claim.raw.length === 0)
      return 'wrong'
    return (await sourceLanes.run(lane, () => askSources(claim.user, claim.raw))) ?? 'throttled'
  }
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

/** Whom failures without a name are counted for. */
const nameless = (credentials: Credentials): string =>
  'token' in credentials && credentials.authcid === '' ? '(token)' : '(invalid)'

/** In no form that a reader of Dovecot's log (fail2ban) takes for a failure: the session tells it once. */
const named = (authcid: string): string => authcid.slice(0, 200).replace(/[<>]/g, '?')

function logRefusal(
  log: Log,
  reason: LoginRefusal,
  credentials: Credentials,
  client: LoginClient,
  { why = refusalText[reason], ...fault }: { readonly why?: string; readonly error?: unknown } = {},
): void {
  log({
    level: reason === 'unavailable' ? 'error' : 'info',
    service: 'auth',
    text: `refused user=<${named(credentials.authcid)}> rip=${client.clientAddress}: ${why}`,
    fields: {
      reason,
      mechanism: credentials.mechanism,
      protocol: client.service,
      client: client.clientAddress,
    },
    ...fault,
  })
}
