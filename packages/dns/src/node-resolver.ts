import { lookup, Resolver as NodeResolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { cachedResolver } from './cache.ts'
import { hostName, isQuestionName, reversedAddress } from './name.ts'
import type { AddressFamily, DnsAnswer, MxRecord, Resolver, SrvRecord, TlsaRecord } from './resolver.ts'

export interface ResolverOptions {
  /** `1.2.3.4`, `[::1]:5353`; empty = the system's. */
  readonly servers?: readonly string[]
  /** For one try at one server. */
  readonly timeoutMs?: number
  readonly tries?: number
  /** For one question with all its tries. */
  readonly totalTimeoutMs?: number
  readonly maxCachedAnswers?: number
  readonly now?: () => number
}

/** node:dns tells TTLs of addresses only. */
const unknownTtlMs = 300_000
/** RFC 2308 §5 wants the SOA's minimum, which node:dns does not tell. */
const negativeTtlMs = 60_000
const maxRecords = 100

/** Asks real name servers (through c-ares, off the event loop), with a cache in front. */
export function createResolver(options: ResolverOptions = {}): Resolver {
  const node = new NodeResolver({ timeout: options.timeoutMs ?? 3_000, tries: options.tries ?? 2 })
  if (options.servers !== undefined && options.servers.length > 0) node.setServers([...options.servers])
  const totalTimeoutMs = options.totalTimeoutMs ?? 10_000
  const ask = <R, T>(
    name: string,
    question: () => Promise<readonly R[]>,
    read: (record: R) => T | undefined,
  ) =>
    isQuestionName(name)
      ? answer(withDeadline(question, totalTimeoutMs), read)
      : Promise.resolve<DnsAnswer<T>>({ kind: 'nxdomain', ttlMs: negativeTtlMs })
  const direct: Resolver = {
    async mx(domain) {
      const found = await ask(domain, () => node.resolveMx(domain), readMx)
      if (found.kind !== 'records') return found
      return { ...found, records: found.records.toSorted((a, b) => a.preference - b.preference) }
    },
    a: (name) => ask(name, () => node.resolve4(name, { ttl: true }), readAddress),
    aaaa: (name) => ask(name, () => node.resolve6(name, { ttl: true }), readAddress),
    ptr(address) {
      const reversed = reversedAddress(address)
      if (reversed === undefined) return Promise.resolve({ kind: 'nxdomain', ttlMs: negativeTtlMs })
      const name = `${reversed.labels}.${reversed.zone}`
      return ask(name, () => node.resolvePtr(name), hostName)
    },
    txt: (name) => ask(name, () => node.resolveTxt(name), readTxt),
    tlsa: (name) => ask(name, () => node.resolveTlsa(name), readTlsa),
    ns: (domain) => ask(domain, () => node.resolveNs(domain), hostName),
    srv: (name) => ask(name, () => node.resolveSrv(name), readSrv),
  }
  return cachedResolver(direct, {
    now: options.now ?? Date.now,
    ...(options.maxCachedAnswers === undefined ? {} : { maxAnswers: options.maxCachedAnswers }),
  })
}

/** Addresses as the system finds them: its hosts file, its name service. Postfix: smtp_host_lookup = native. */
export async function systemAddresses(
  name: string,
  families: readonly AddressFamily[] = ['ipv6', 'ipv4'],
): Promise<DnsAnswer<string>> {
  try {
    const found = await lookup(name, { all: true, order: 'verbatim' })
    const records = families.flatMap((family) =>
      found.filter((one) => one.family === (family === 'ipv4' ? 4 : 6)).map(({ address }) => address),
    )
    if (records.length === 0) return { kind: 'nodata', ttlMs: negativeTtlMs }
    return { kind: 'records', records, ttlMs: negativeTtlMs }
  } catch (error) {
    return failure(error)
  }
}

function withDeadline<T>(question: () => Promise<T>, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(Object.assign(new Error('timed out'), { code: 'ETIMEOUT' })),
      deadlineMs,
    )
    question()
      .then(resolve, reject)
      .finally(() => clearTimeout(timer))
  })
}

async function answer<R, T>(
  records: Promise<readonly R[]>,
  read: (record: R) => T | undefined,
): Promise<DnsAnswer<T>> {
  try {
    const given = await records
    const usable: T[] = []
    let ttlMs = Number.POSITIVE_INFINITY
    for (const record of given.slice(0, maxRecords)) {
      const value = read(record)
      if (value === undefined) continue
      usable.push(value)
      ttlMs = Math.min(ttlMs, ttlOf(record))
    }
    if (usable.length === 0) return { kind: 'nodata', ttlMs: negativeTtlMs }
    return { kind: 'records', records: usable, ttlMs }
  } catch (error) {
    return failure(error)
  }
}

function failure(error: unknown): DnsAnswer<never> {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'EUNKNOWN'
  if (code === 'ENOTFOUND' || code === 'EBADNAME') return { kind: 'nxdomain', ttlMs: negativeTtlMs }
  if (code === 'ENODATA') return { kind: 'nodata', ttlMs: negativeTtlMs }
  return { kind: 'temporary', reason: reasons[code] ?? code }
}

const reasons: Readonly<Record<string, string>> = {
  ESERVFAIL: 'server failure',
  ETIMEOUT: 'query timed out',
  EREFUSED: 'query refused',
  ECONNREFUSED: 'name server refuses connections',
  EFORMERR: 'malformed query',
  EBADRESP: 'malformed reply',
  ENOTIMP: 'not implemented by the name server',
}

function ttlOf(record: unknown): number {
  return typeof record === 'object' && record !== null && 'ttl' in record && typeof record.ttl === 'number'
    ? record.ttl * 1000
    : unknownTtlMs
}

function readMx(record: { priority: number; exchange: string }): MxRecord | undefined {
  // c-ares gives the root of a null MX as ''.
  if (record.exchange === '' || record.exchange === '.') return { preference: record.priority, exchange: '' }
  const exchange = hostName(record.exchange)
  return exchange === undefined ? undefined : { preference: record.priority, exchange }
}

function readSrv(record: {
  priority: number
  weight: number
  port: number
  name: string
}): SrvRecord | undefined {
  const { priority, weight, port, name } = record
  const target = name === '' || name === '.' ? '' : hostName(name)
  return target === undefined ? undefined : { priority, weight, port, target }
}

function readAddress(record: { address: string }): string | undefined {
  return isIP(record.address) === 0 ? undefined : record.address
}

function readTxt(strings: readonly string[]): string {
  return strings.join('')
}

function readTlsa(record: {
  certUsage: number
  selector: number
  match: number
  data: ArrayBuffer
}): TlsaRecord {
  return {
    usage: record.certUsage,
    selector: record.selector,
    matchingType: record.match,
    data: new Uint8Array(record.data),
  }
}
