import { getServers } from 'node:dns'
import type packet from 'dns-packet'
import { askServer, type DnsReply, type NameServer, parseNameServer } from './dns-exchange.ts'
import { hostName, isQuestionName } from './name.ts'
import type { MxRecord, SrvRecord, TlsaRecord } from './resolver.ts'

/** What a validating resolver says. `secure`: it has checked the signatures from the root down (RFC 4035 §4.3). */
export type SecureAnswer<T> =
  | {
      readonly kind: 'records'
      readonly records: readonly T[]
      readonly secure: boolean
      /** Where CNAME records led to; the name itself without any. */
      readonly name: string
    }
  | { readonly kind: 'none'; readonly secure: boolean; readonly what: 'nxdomain' | 'nodata' }
  /** Time-outs, and answers that failed validation: SERVFAIL. Nothing may be concluded from it. */
  | { readonly kind: 'temporary'; readonly reason: string }

/** Questions whose answers need proof: DANE (RFC 7672), REQUIRETLS (RFC 8689). */
export interface SecureResolver {
  mx(domain: string): Promise<SecureAnswer<MxRecord>>
  a(name: string): Promise<SecureAnswer<string>>
  aaaa(name: string): Promise<SecureAnswer<string>>
  tlsa(name: string): Promise<SecureAnswer<TlsaRecord>>
  srv(name: string): Promise<SecureAnswer<SrvRecord>>
  /** The alias alone, not followed. */
  cname(name: string): Promise<SecureAnswer<string>>
}

export interface SecureResolverOptions {
  /** Validating resolvers, `127.0.0.1`, `[::1]:5353`. Default: those of the system on loopback. */
  readonly servers?: readonly string[]
  /** For one try at one server. */
  readonly timeoutMs?: number
  readonly tries?: number
  readonly maxCachedAnswers?: number
  readonly now?: () => number
}

const maxAliases = 10
const maxRecords = 100
const maxTtlMs = 3_600_000
const negativeTtlMs = 60_000
const temporaryTtlMs = 5_000

/**
 * The servers whose AD bit may be believed: nobody sits between us and loopback. RFC 4035 §4.9.3. Others only when
 * the administrator names them.
 */
export function loopbackNameServers(): readonly string[] {
  return getServers().filter((server) => /^(127\.|\[?::1(\]|$))/.test(server))
}

/** undefined: no validating resolver is at hand. */
export function createSecureResolver(options: SecureResolverOptions = {}): SecureResolver | undefined {
  const named = options.servers ?? []
  const servers = (named.length > 0 ? named : loopbackNameServers())
    .map(parseNameServer)
    .filter((server) => server !== undefined)
  return servers.length === 0 ? undefined : new Secure(servers, options)
}

interface Kept {
  readonly answer: Promise<SecureAnswer<unknown>>
  untilMs: number
}

class Secure implements SecureResolver {
  readonly #servers: readonly NameServer[]
  readonly #timeoutMs: number
  readonly #tries: number
  readonly #maxAnswers: number
  readonly #now: () => number
  readonly #kept = new Map<string, Kept>()

  constructor(servers: readonly NameServer[], options: SecureResolverOptions) {
    this.#servers = servers
    this.#timeoutMs = options.timeoutMs ?? 3_000
    this.#tries = options.tries ?? 2
    this.#maxAnswers = options.maxCachedAnswers ?? 10_000
    this.#now = options.now ?? Date.now
  }

  mx(domain: string): Promise<SecureAnswer<MxRecord>> {
    return this.#ask('MX', domain, (answer) => {
      if (answer.type !== 'MX') return undefined
      const preference = answer.data.preference ?? 0
      if (answer.data.exchange === '.' || answer.data.exchange === '') return { preference, exchange: '' }
      const exchange = hostName(answer.data.exchange)
      return exchange === undefined ? undefined : { preference, exchange }
    })
  }

  a(name: string): Promise<SecureAnswer<string>> {
    return this.#ask('A', name, (answer) => (answer.type === 'A' ? answer.data : undefined))
  }

  aaaa(name: string): Promise<SecureAnswer<string>> {
    return this.#ask('AAAA', name, (answer) => (answer.type === 'AAAA' ? answer.data : undefined))
  }

  tlsa(name: string): Promise<SecureAnswer<TlsaRecord>> {
    return this.#ask('TLSA', name, (answer) => {
      if (answer.type !== 'TLSA') return undefined
      const { usage, selector, matchingType, certificate } = answer.data
      return { usage, selector, matchingType, data: certificate }
    })
  }

  srv(name: string): Promise<SecureAnswer<SrvRecord>> {
    return this.#ask('SRV', name, (answer) => {
      if (answer.type !== 'SRV') return undefined
      const { priority = 0, weight = 0, port, target: given } = answer.data
      const target = given === '.' || given === '' ? '' : hostName(given)
      return target === undefined ? undefined : { priority, weight, port, target }
    })
  }

  cname(name: string): Promise<SecureAnswer<string>> {
    return this.#ask('CNAME', name, (answer) => (answer.type === 'CNAME' ? hostName(answer.data) : undefined))
  }

  async #ask<T>(
    type: packet.RecordType,
    name: string,
    read: (answer: packet.Answer) => T | undefined,
  ): Promise<SecureAnswer<T>> {
    if (!isQuestionName(name)) return { kind: 'none', secure: false, what: 'nxdomain' }
    const key = `${type} ${name.toLowerCase()}`
    const nowMs = this.#now()
    const found = this.#kept.get(key)
    if (found !== undefined && found.untilMs > nowMs) return (await found.answer) as SecureAnswer<T>
    this.#kept.delete(key)
    if (this.#kept.size >= this.#maxAnswers) this.#kept.delete(this.#kept.keys().next().value ?? '')
    let ttlMs = negativeTtlMs
    const answer = this.#exchange(type, name).then((reply) => {
      if (typeof reply === 'string') {
        ttlMs = temporaryTtlMs
        return { kind: 'temporary' as const, reason: reply }
      }
      if (reply.answers.length > 0) ttlMs = Math.min(maxTtlMs, ...reply.answers.map(ttlMsOf))
      return answerOf(reply, type, name, read)
    })
    const kept: Kept = { answer, untilMs: Number.POSITIVE_INFINITY }
    this.#kept.set(key, kept)
    const given = await answer
    kept.untilMs = this.#now() + ttlMs
    return given
  }

  /** Each server in turn; the last reason when none has answered. */
  async #exchange(type: packet.RecordType, name: string): Promise<DnsReply | string> {
    let reason = 'no name server'
    for (let attempt = 0; attempt < this.#tries; attempt++) {
      for (const server of this.#servers) {
        try {
          const reply = await askServer(server, { name, type }, this.#timeoutMs)
          if (reply.rcode === 'NOERROR' || reply.rcode === 'NXDOMAIN') return reply
          reason = reply.rcode === 'SERVFAIL' ? 'server failure' : reply.rcode.toLowerCase()
        } catch (error) {
          reason = error instanceof Error ? error.message : String(error)
        }
      }
    }
    return reason
  }
}

const ttlMsOf = (answer: packet.Answer): number => ('ttl' in answer ? (answer.ttl ?? 0) * 1000 : maxTtlMs)

function answerOf<T>(
  reply: DnsReply,
  type: packet.RecordType,
  asked: string,
  read: (answer: packet.Answer) => T | undefined,
): SecureAnswer<T> {
  const secure = reply.authentic
  let name = asked.toLowerCase()
  if (type !== 'CNAME') {
    for (let hop = 0; hop < maxAliases; hop++) {
      const here = name
      const alias = reply.answers.find((one) => one.type === 'CNAME' && one.name.toLowerCase() === here)
      if (alias?.type !== 'CNAME') break
      name = alias.data.toLowerCase().replace(/\.$/, '')
    }
  }
  const records: T[] = []
  for (const answer of reply.answers.slice(0, maxRecords)) {
    if (answer.type !== type || answer.name.toLowerCase() !== name) continue
    const record = read(answer)
    if (record !== undefined) records.push(record)
  }
  if (records.length > 0) return { kind: 'records', records, secure, name }
  return { kind: 'none', secure, what: reply.rcode === 'NXDOMAIN' ? 'nxdomain' : 'nodata' }
}
