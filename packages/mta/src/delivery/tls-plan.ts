import type { AddressFamily, Resolver, SecureAnswer, SecureResolver } from '@posthorn/dns'
import { findHeader, octetsOf } from '@posthorn/mail'
import type {
  CertificateDemand,
  ClientTlsLevel,
  ClientTlsSettings,
  SmtpServerAddress,
  TlsEvent,
} from '@posthorn/smtp'
import { judgeSession, noPolicy, notNamed, stsApplied, tlsaApplied } from '../tlsrpt/observed-session.ts'
import { type AppliedPolicy, failureAt, type ResultType } from '../tlsrpt/session-result.ts'
import type { DeliveryJob } from './attempt.ts'
import type { StsFailure, StsPolicy } from './mta-sts.ts'
import { stsAllows } from './mta-sts.ts'
import type { NextHop } from './next-hop.ts'
import type { RemoteTlsSettings } from './remote-settings.ts'
import { tlsForServer, withServerTls } from './server-tls.ts'
import { type SrvLookups, srvNameOf } from './srv-hosts.ts'
import type { TlsPolicy } from './tls-policy.ts'

export type TlsDecision =
  | {
      readonly kind: 'use'
      readonly level: ClientTlsLevel
      readonly certificate: CertificateDemand
      readonly tls: ClientTlsSettings
      /** undefined: nobody keeps count. */
      readonly onTls?: (event: TlsEvent) => void
    }
  | { readonly kind: 'skip'; readonly status: string; readonly text: string }

interface PlanInput {
  readonly job: DeliveryJob
  readonly nextHop: string
  readonly hop: NextHop
  readonly resolver: Resolver
  readonly settings: RemoteTlsSettings
  readonly srv?: SrvLookups | undefined
}

type MxStanding = 'secure' | 'insecure' | 'none'

interface PlanParts {
  readonly policy: TlsPolicy
  readonly settings: RemoteTlsSettings
  readonly hop: NextHop
  readonly sts: StsPolicy | undefined
  /** In force or not: what sessions are measured by. */
  readonly watched: StsPolicy | undefined
  readonly stsFailure: StsFailure | undefined
  readonly mx: MxStanding
  readonly required: boolean
  readonly resolver: Resolver
  readonly proven: boolean
}

/** Longest header looked at for TLS-Required. */
const maxHeaderBytes = 131_072

/**
 * What a message and its destination demand of TLS: the site's policy (smtp_tls_policy_maps), the domain's own (DANE
 * first, then MTA-STS: RFC 8461 §2), and the sender's (REQUIRETLS, RFC 8689).
 */
export class TlsPlan {
  readonly #parts: PlanParts

  static async make(
    input: PlanInput,
  ): Promise<
    | { readonly kind: 'plan'; readonly plan: TlsPlan }
    | { readonly kind: 'refused'; readonly status: string; readonly text: string }
  > {
    const { hop, nextHop, settings, job } = input
    const entry = settings.policyFor(nextHop)
    if (entry.kind === 'bad') {
      return { kind: 'refused', status: '4.7.5', text: `TLS policy of ${nextHop}: ${entry.text}` }
    }
    let { policy } = entry
    const domain = hop.kind === 'domain' ? hop.name : undefined
    const required = job.entry.options.requireTls === true
    const optional = policy.level === 'may' || policy.level === 'encrypt' || policy.level === 'dane'
    const asksDane = policy.level === 'dane' || policy.level === 'dane-only'
    const asked = optional && domain !== undefined ? settings.sts : undefined
    const announced = domain === undefined ? undefined : await asked?.policyFor(domain)
    const stsFailure = announced === undefined && domain !== undefined ? asked?.failureOf(domain) : undefined
    let sts = announced?.mode === 'enforce' ? announced : undefined
    if (!required && (sts !== undefined || policy.level === 'dane') && (await waivesTls(job))) {
      sts = undefined
      if (policy.level === 'dane') policy = { ...policy, level: 'may' }
    }
    const dane = asksDane || required ? settings.secure : undefined
    const mx =
      dane === undefined || domain === undefined
        ? 'none'
        : await standingOf(dane, domain, srvNameOf(hop, input.srv))
    if (mx === 'temporary') {
      const text = `MX look-up of ${nextHop} cannot be validated`
      record(input, tlsaApplied([]), 'dnssec-invalid', text)
      return { kind: 'refused', status: '4.4.3', text }
    }
    if (required && domain !== undefined && sts === undefined && mx !== 'secure') {
      const text = `REQUIRETLS is required, but the mail servers of ${domain} are proven by neither DNSSEC nor MTA-STS`
      return { kind: 'refused', status: '5.7.30', text }
    }
    const proven = dane !== undefined
    const resolver = dane === undefined ? input.resolver : provenResolver(dane, input.resolver)
    const watched = announced
    const parts: PlanParts = {
      policy,
      settings,
      hop,
      sts,
      watched,
      stsFailure,
      mx,
      required,
      resolver,
      proven,
    }
    return { kind: 'plan', plan: new TlsPlan(parts) }
  }

  private constructor(parts: PlanParts) {
    this.#parts = parts
  }

  /** For MX records and addresses: DANE's names must come from the very answers that were validated. */
  get resolver(): Resolver {
    return this.#parts.resolver
  }

  get proven(): boolean {
    return this.#parts.proven
  }

  async decide(server: SmtpServerAddress): Promise<TlsDecision> {
    const { policy, settings, hop, sts, mx, required, proven } = this.#parts
    const asksDane = policy.level === 'dane' || policy.level === 'dane-only'
    const chosen = await tlsForServer(server, {
      policy:
        required && proven && !asksDane && policy.level === 'may' ? { ...policy, level: 'dane' } : policy,
      hop,
      mx,
      secure: proven ? settings.secure : undefined,
      insecureMx: settings.insecureMx,
      digest: settings.digest,
      verifyMatch: settings.verifyMatch,
      secureMatch: settings.secureMatch,
      sts: sts === undefined ? 'none' : 'enforced',
    })
    if (chosen.kind === 'skip') {
      if (chosen.result !== undefined)
        record(this.#parts, tlsaApplied([]), chosen.result, chosen.text, server.host)
      return chosen
    }
    // RFC 8461 §5: a host outside of the policy is no mail server of the domain, unless DANE vouches for it.
    if (sts !== undefined && chosen.level !== 'dane' && !stsAllows(sts, server.host)) {
      const text = `host ${server.host} is not in the MTA-STS policy of its domain`
      record(this.#parts, stsApplied(sts), 'validation-failure', notNamed, server.host)
      return { kind: 'skip', status: '4.7.5', text }
    }
    const open = chosen.level === 'none' || chosen.level === 'may' || chosen.level === 'encrypt'
    const demanded =
      required && open
        ? { ...chosen, level: 'verify' as const, certificate: { names: [server.host] } }
        : chosen
    const { level, certificate } = demanded
    const onTls = this.#watch(server, level, certificate)
    const tls = withServerTls(undefined, policy, demanded)
    return { kind: 'use', level, certificate, tls, ...(onTls === undefined ? {} : { onTls }) }
  }

  /** Counts the session under the policy that it is measured by. RFC 8460 §4. */
  #watch(
    { host }: SmtpServerAddress,
    level: ClientTlsLevel,
    { associations = [] }: CertificateDemand,
  ): ((event: TlsEvent) => void) | undefined {
    const { settings, hop, watched, stsFailure } = this.#parts
    const { reports } = settings
    if (reports === undefined || hop.kind !== 'domain') return undefined
    const isDane = level === 'dane'
    const sts = isDane ? undefined : watched
    const none = stsFailure === undefined ? noPolicy : { ...noPolicy, type: 'sts' as const }
    const policy = isDane ? tlsaApplied(associations) : sts === undefined ? none : stsApplied(sts)
    const hostAllowed = sts === undefined || stsAllows(sts, host) ? 'allowed' : 'not allowed'
    return (event) => {
      if (event.resumed && reports.resumed === 'skipped') return
      const failure = judgeSession(event, { sts, stsFailure: isDane ? undefined : stsFailure, hostAllowed })
      reports.record({ domain: hop.name, policy, ...(failure === undefined ? {} : { failure }) })
    }
  }
}

const record = (
  { hop, settings }: Pick<PlanParts, 'hop' | 'settings'>,
  policy: AppliedPolicy,
  type: ResultType,
  text: string,
  host = '',
): void => {
  if (hop.kind === 'domain')
    settings.reports?.record({ domain: hop.name, policy, failure: failureAt(type, text, { host }) })
}

const standingOf = async (
  secure: SecureResolver,
  domain: string,
  srvName: string | undefined,
): Promise<MxStanding | 'temporary'> => {
  const services = srvName === undefined ? undefined : await secure.srv(srvName)
  if (services?.kind === 'temporary') return 'temporary'
  // What names the servers has to be proven: that there are no such records, too.
  if (services?.secure === false) return 'insecure'
  if (services?.kind === 'records') return 'secure'
  const answer = await secure.mx(domain)
  if (answer.kind === 'temporary') return 'temporary'
  return answer.secure ? 'secure' : 'insecure'
}

/** The validating resolver in the form that everybody asks; what it does not know comes from the other. */
const provenResolver = (secure: SecureResolver, other: Resolver): Resolver => {
  const plain = <T>(answer: SecureAnswer<T>) => {
    if (answer.kind === 'none') return { kind: answer.what, ttlMs: 0 } as const
    if (answer.kind === 'temporary') return answer
    return { kind: 'records', records: answer.records, ttlMs: 0 } as const
  }
  const address = async (family: AddressFamily, name: string) =>
    plain(await (family === 'ipv4' ? secure.a(name) : secure.aaaa(name)))
  return {
    ...other,
    mx: async (domain) => plain(await secure.mx(domain)),
    srv: async (name) => plain(await secure.srv(name)),
    a: (name) => address('ipv4', name),
    aaaa: (name) => address('ipv6', name),
  }
}

/** `TLS-Required: No`: the sender would rather be read by others than not at all. RFC 8689 §3. */
const waivesTls = async (job: DeliveryJob): Promise<boolean> => {
  for await (const chunk of job.content()) {
    const header = octetsOf(chunk.subarray(0, maxHeaderBytes))
    return findHeader(header, 'tls-required')?.trim().toLowerCase() === 'no'
  }
  return false
}
