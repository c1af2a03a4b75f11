import type { TokenRefusal } from '@posthorn/sasl'
import type { Account } from '@posthorn/storage'
import type { LoginClient, LoginRefusal, TokenLogin } from '../authenticator.ts'
import { createHashLanes } from '../hash-lanes.ts'
import type { KnownUsers } from '../known-users.ts'
import { domainOf, parseLogin } from '../login-name.ts'
import type { CompleteOptions } from '../options.ts'
import type { UserSources } from '../sources/user-source.ts'
import type { Admission, Throttle } from '../throttle.ts'
import { createTokenMemory } from './token-memory.ts'
import type { TokenVerdict } from './token-validator.ts'

/** A token that does not let in: what the log, and what the client is told of it. */
export interface RefusedToken {
  readonly reason: LoginRefusal
  readonly why: string
  readonly refusal: TokenRefusal
}

interface TokenParts {
  readonly now: () => number
  readonly options: () => CompleteOptions
  readonly sources: () => UserSources
  readonly users: KnownUsers
  readonly isLocalDomain: (domain: string) => Promise<boolean>
}

/** Bearer tokens: remembered, or asked about; then whether there is such an account, or may be one. */
export function createTokenJudge(parts: TokenParts, throttle: Throttle) {
  const { users } = parts
  const memory = createTokenMemory(parts.options)
  // Of their own: a server of tokens that does not answer must not hold up passwords.
  const lanes = createHashLanes(() => ({
    concurrency: parts.options().sourceConcurrency,
    queue: parts.options().hashQueueLimit,
  }))
  let remembered: UserSources['tokens'] = []

  async function ask(token: string): Promise<TokenVerdict> {
    let verdict: TokenVerdict = { kind: 'invalid', why: 'there is nobody to ask about tokens' }
    for (const validator of parts.sources().tokens) {
      const answer = await validator.validate(token)
      if (answer.kind === 'valid') return answer
      if (verdict.kind === 'invalid') verdict = answer
    }
    return verdict
  }

  /** By a token, an account is made at a domain of ours only: servers of tokens know people of everywhere. */
  async function accountOf(login: string): Promise<Account | undefined> {
    const known = await users.find(login)
    if (known !== undefined) return known
    return (await parts.isLocalDomain(domainOf(login))) ? users.make(users.canonical(login)) : undefined
  }

  /** @param claimed who the client says it is, parsed; undefined = it leaves that to the token. */
  async function judge(
    claimed: string | undefined,
    token: string,
    lane: Admission['lane'],
  ): Promise<Account | RefusedToken | 'throttled' | 'unavailable'> {
    const { tokens } = parts.sources()
    if (tokens !== remembered) {
      // Read anew: other keys, other rules.
      memory.forget()
      remembered = tokens
    }
    const refused = (why: string, status: TokenRefusal['status'] = 'invalid_token'): RefusedToken => ({
      reason: 'credentials',
      why,
      refusal: { status, ...tokens[0]?.advice },
    })
    const verdict = await memory.validated(token, parts.now(), async () => {
      const answer = await lanes.run(lane, () => ask(token))
      return answer ?? { kind: 'throttled' }
    })
    if (verdict.kind === 'throttled' || verdict.kind === 'unavailable') return verdict.kind
    if (verdict.kind === 'invalid') return refused(`token: ${verdict.why}`, verdict.status)
    const login = parseLogin(verdict.user, parts.options().defaultDomain)
    if (login === undefined) return refused('token: names no address')
    if (claimed !== undefined && users.canonical(claimed) !== users.canonical(login))
      return refused(`token: is of ${login}`)
    const account = await accountOf(login)
    if (account === undefined) return refused(`token: is of ${login}, whose domain is not ours`)
    if (!account.enabled) return { ...refused('user disabled'), reason: 'disabled' }
    return account
  }

  return async (
    { authcid, token }: TokenLogin,
    login: string | undefined,
    client: LoginClient,
    admission: Admission,
  ): Promise<LoginRefusal | Account | RefusedToken> => {
    const outcome =
      authcid !== '' && login === undefined ? 'credentials' : await judge(login, token, admission.lane)
    if (client.trusted || outcome === 'throttled' || outcome === 'unavailable') return outcome
    const isRefused = typeof outcome === 'string' || 'refusal' in outcome
    if (isRefused) await throttle.failed(login ?? '(token)', client.clientAddress)
    else await throttle.succeeded(outcome.address, client.clientAddress)
    return outcome
  }
}
