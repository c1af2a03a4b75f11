import { addressesOf, type Resolver } from '@posthorn/dns'
import { fetchHttps, type HttpsAnswer } from '@posthorn/net'

/** A domain's policy as kept. RFC 8461 §3.2. */
export interface StsPolicy {
  readonly id: string
  readonly mode: 'enforce' | 'testing' | 'none'
  /** Lower case; `*.example.org` = one label more. */
  readonly mx: readonly string[]
  readonly expiresMs: number
  /** As the policy says it. */
  readonly maxAgeSeconds?: number
}

/** Why there is no policy though one is announced. RFC 8460 §4.3.2.2. */
export type StsFailure = 'sts-policy-fetch-error' | 'sts-policy-invalid' | 'sts-webpki-invalid'

/** Keeps policies beyond a restart: forgetting them would let anybody hide them (RFC 8461 §10.2). */
export interface StsMemory {
  load(): ReadonlyMap<string, StsPolicy>
  save(policies: ReadonlyMap<string, StsPolicy>): void
}

export interface MtaStsOptions {
  readonly resolver: Resolver
  readonly now: () => number
  readonly memory?: StsMemory
  /** PEM, beside the authorities of the system. Postfix: smtp_tls_CAfile. */
  readonly ca?: () => string | undefined
  /** GET https://HOST/.well-known/mta-sts.txt from an address. */
  readonly fetch?: (host: string, address: string) => Promise<HttpsAnswer>
}

export interface MtaSts {
  /** The policy in force for a domain; undefined: none. Never rejects. */
  policyFor(domain: string): Promise<StsPolicy | undefined>
  /** What went wrong when its policy was fetched last, not long ago. */
  failureOf(domain: string): StsFailure | undefined
}

const maxPolicies = 10_000
/** RFC 8461 §3.2: 64 kilobytes. */
const maxPolicyBytes = 65_536
/** RFC 8461 §3.3 */
const fetchTimeoutMs = 60_000
/** RFC 8461 §3.3: not more often than every five minutes after a failure. */
const retryMs = 300_000
const maxAgeMs = 31_557_600_000
/** RFC 8461 §3.3 */
const refreshMs = 86_400_000

/** SMTP MTA Strict Transport Security of other domains. RFC 8461. */
export const createMtaSts = (options: MtaStsOptions): MtaSts => new Sts(options)

class Sts implements MtaSts {
  readonly #options: MtaStsOptions
  readonly #policies: Map<string, StsPolicy>
  readonly #failed = new Map<string, { readonly untilMs: number; readonly why: StsFailure }>()
  readonly #running = new Map<string, Promise<StsPolicy | undefined>>()
  readonly #refreshing = new Set<string>()

  constructor(options: MtaStsOptions) {
    this.#options = options
    this.#policies = new Map(options.memory?.load() ?? [])
  }

  policyFor(domain: string): Promise<StsPolicy | undefined> {
    const running = this.#running.get(domain)
    if (running !== undefined) return running
    const asked = this.#find(domain).finally(() => this.#running.delete(domain))
    this.#running.set(domain, asked)
    return asked
  }

  failureOf(domain: string): StsFailure | undefined {
    const failed = this.#failed.get(domain)
    return failed !== undefined && failed.untilMs > this.#options.now() ? failed.why : undefined
  }

  async #find(domain: string): Promise<StsPolicy | undefined> {
    const nowMs = this.#options.now()
    const known = this.#policies.get(domain)
    const kept = known !== undefined && known.expiresMs > nowMs ? known : undefined
    const id = await this.#announcedId(domain)
    // RFC 8461 §5.1: a record that has gone takes no policy back.
    if (id === undefined || id === kept?.id) {
      if (kept !== undefined && id !== undefined && isWorn(kept, nowMs)) void this.#refresh(domain, id)
      return kept
    }
    if (this.failureOf(domain) !== undefined) return kept
    return (await this.#renew(domain, id)) ?? kept
  }

  /** The policy as it is now, kept; undefined: it cannot be had. */
  async #renew(domain: string, id: string): Promise<StsPolicy | undefined> {
    const nowMs = this.#options.now()
    const fetched = await this.#fetch(domain, id)
    if (typeof fetched !== 'string') {
      this.#keep(domain, fetched)
      return fetched
    }
    if (this.#failed.size >= maxPolicies) this.#failed.clear()
    this.#failed.set(domain, { untilMs: nowMs + retryMs, why: fetched })
    return undefined
  }

  /** Before it ends: who can keep us from fetching it on that one day would undo it. Mail does not wait for this. */
  async #refresh(domain: string, id: string): Promise<void> {
    if (this.#refreshing.has(domain) || this.failureOf(domain) !== undefined) return
    this.#refreshing.add(domain)
    try {
      await this.#renew(domain, id)
    } finally {
      this.#refreshing.delete(domain)
    }
  }

  /** RFC 8461 §3.1: one record `v=STSv1; id=…`; several are none. */
  async #announcedId(domain: string): Promise<string | undefined> {
    const answer = await this.#options.resolver.txt(`_mta-sts.${domain}`)
    if (answer.kind !== 'records') return undefined
    const records = answer.records.filter((text) => /^v=STSv1[ \t]*;/.test(text))
    if (records.length !== 1) return undefined
    return /;[ \t]*id[ \t]*=[ \t]*([A-Za-z0-9]{1,32})[ \t]*(?:;|$)/.exec(records[0] ?? '')?.[1]
  }

  async #fetch(domain: string, id: string): Promise<StsPolicy | StsFailure> {
    const host = `mta-sts.${domain}`
    const found = await addressesOf(this.#options.resolver, host)
    if (found.kind !== 'records') return 'sts-policy-fetch-error'
    let answer: HttpsAnswer
    try {
      answer = await (this.#options.fetch ?? this.#fetchPolicy)(host, found.records[0] ?? '')
    } catch (error) {
      const { code = '' } = error as { readonly code?: string }
      return /CERT|ISSUER|SIGNED|SIGNATURE|CA$/.test(code) ? 'sts-webpki-invalid' : 'sts-policy-fetch-error'
    }
    if (answer.status !== 200 || !/^text\/plain\b/i.test(answer.contentType)) return 'sts-policy-fetch-error'
    try {
      // Most never meet a policy.
      const { parsePolicy } = await import('mailauth/lib/mta-sts.js')
      const { mode, mx = [], maxAge = 0 } = parsePolicy(answer.text)
      const ageMs = Math.min(maxAge * 1000, maxAgeMs)
      const expiresMs = this.#options.now() + ageMs
      return { id, mode, mx: mx.slice(0, 100), expiresMs, maxAgeSeconds: maxAge }
    } catch {
      return 'sts-policy-invalid'
    }
  }

  readonly #fetchPolicy = (host: string, address: string): Promise<HttpsAnswer> => {
    const ca = this.#options.ca?.()
    return fetchHttps({
      host,
      address,
      path: '/.well-known/mta-sts.txt',
      timeoutMs: fetchTimeoutMs,
      maxBytes: maxPolicyBytes,
      ...(ca === undefined ? {} : { ca }),
    })
  }

  #keep(domain: string, policy: StsPolicy): void {
    this.#policies.delete(domain)
    if (this.#policies.size >= maxPolicies) this.#policies.delete(this.#policies.keys().next().value ?? '')
    this.#policies.set(domain, policy)
    this.#options.memory?.save(this.#policies)
  }
}

/** RFC 8461 §3.3: once a day, or more often where it ends sooner. */
function isWorn({ expiresMs, maxAgeSeconds }: StsPolicy, nowMs: number): boolean {
  if (maxAgeSeconds === undefined) return false
  const lifeMs = Math.min(maxAgeSeconds * 1000, maxAgeMs)
  return nowMs - (expiresMs - lifeMs) >= Math.min(refreshMs, lifeMs / 2)
}

/** RFC 8461 §4.1: a wildcard stands for one label. */
export const stsAllows = ({ mx }: StsPolicy, host: string): boolean => {
  const name = host.toLowerCase()
  const parent = name.slice(name.indexOf('.') + 1)
  return mx.some((pattern) => (pattern.startsWith('*.') ? pattern.slice(2) === parent : pattern === name))
}
