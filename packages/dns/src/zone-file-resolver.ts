import { isIPv4, isIPv6 } from 'node:net'
import { hostName, reversedAddress } from './name.ts'
import type { DnsAnswer, MxRecord, Resolver, SrvRecord, TlsaRecord } from './resolver.ts'
import { parseZoneFile, type ZoneRecord } from './zone-file.ts'

export interface ZoneFileResolver extends Resolver {
  /** Every question asked, `mx example.org`, in order. */
  readonly asked: readonly string[]
  /** More records, as in the file; a name's FAIL record makes it fail from now on. */
  add(text: string): void
  remove(name: string): void
}

const maxAliases = 8
const negativeTtlMs = 60_000

/**
 * Answers from a master file, for tests and for machines without DNS: wildcards (RFC 4592), CNAME chains,
 * empty non-terminals, scripted failures (`name FAIL servfail`).
 */
export function zoneFileResolver(text: string): ZoneFileResolver {
  const byName = new Map<string, ZoneRecord[]>()
  const asked: string[] = []

  function add(more: string): void {
    for (const record of parseZoneFile(more)) {
      const records = byName.get(record.name)
      if (records === undefined) byName.set(record.name, [record])
      else records.push(record)
    }
  }
  add(text)

  /** RFC 4592 §3.3.1: the closest encloser's wildcard, unless the name itself exists. */
  function recordsAt(name: string): readonly ZoneRecord[] | undefined {
    const exact = byName.get(name)
    if (exact !== undefined) return exact
    if (hasDescendant(name)) return []
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      const parent = name.slice(dot + 1)
      const wildcard = byName.get(`*.${parent}`)
      if (wildcard !== undefined) return wildcard
      if (byName.has(parent) || hasDescendant(parent)) return undefined
    }
    return undefined
  }

  function hasDescendant(name: string): boolean {
    for (const known of byName.keys()) if (known.endsWith(`.${name}`)) return true
    return false
  }

  function find<T>(
    type: string,
    asName: string,
    read: (fields: readonly string[]) => T | undefined,
  ): DnsAnswer<T> {
    asked.push(`${type.toLowerCase()} ${asName}`)
    let name = asName.toLowerCase().replace(/\.$/, '')
    for (let hop = 0; hop < maxAliases; hop++) {
      const records = recordsAt(name)
      if (records === undefined) return { kind: 'nxdomain', ttlMs: negativeTtlMs }
      const broken = records.find((record) => record.type === 'FAIL')
      if (broken !== undefined) return { kind: 'temporary', reason: failureReason(broken.fields[0]) }
      const wanted = records.filter((record) => record.type === type)
      const alias = records.find((record) => record.type === 'CNAME')
      if (wanted.length === 0 && alias !== undefined) {
        name = alias.fields[0] ?? ''
        continue
      }
      const values = wanted.map((record) => read(record.fields)).filter((value) => value !== undefined)
      if (values.length === 0) return { kind: 'nodata', ttlMs: negativeTtlMs }
      return { kind: 'records', records: values, ttlMs: Math.min(...wanted.map((record) => record.ttlMs)) }
    }
    return { kind: 'temporary', reason: 'alias chain too long' }
  }

  return {
    asked,
    add,
    remove: (name) => void byName.delete(name.toLowerCase()),
    async mx(domain) {
      const found = find('MX', domain, readMx)
      if (found.kind !== 'records') return found
      return { ...found, records: found.records.toSorted((a, b) => a.preference - b.preference) }
    },
    a: async (name) => find('A', name, ([address]) => (isIPv4(address ?? '') ? address : undefined)),
    aaaa: async (name) => find('AAAA', name, ([address]) => (isIPv6(address ?? '') ? address : undefined)),
    async ptr(address) {
      const reversed = reversedAddress(address)
      if (reversed === undefined) return { kind: 'nxdomain', ttlMs: negativeTtlMs }
      return find('PTR', `${reversed.labels}.${reversed.zone}`, ([name]) => hostName(name ?? ''))
    },
    txt: async (name) => find('TXT', name, (strings) => strings.join('')),
    tlsa: async (name) => find('TLSA', name, readTlsa),
    ns: async (domain) => find('NS', domain, ([name]) => hostName(name ?? '')),
    srv: async (name) => find('SRV', name, readSrv),
  }
}

function failureReason(script: string | undefined): string {
  return script?.toLowerCase() === 'timeout' ? 'query timed out' : 'server failure'
}

function readMx([preference, exchange]: readonly string[]): MxRecord | undefined {
  if (exchange === '') return { preference: Number(preference), exchange: '' }
  const name = hostName(exchange ?? '')
  return name === undefined ? undefined : { preference: Number(preference), exchange: name }
}

function readSrv([priority, weight, port, name = '']: readonly string[]): SrvRecord | undefined {
  const target = name === '' ? '' : hostName(name)
  if (target === undefined) return undefined
  return { priority: Number(priority), weight: Number(weight), port: Number(port), target }
}

function readTlsa([usage, selector, matchingType, ...hex]: readonly string[]): TlsaRecord {
  return {
    usage: Number(usage),
    selector: Number(selector),
    matchingType: Number(matchingType),
    data: new Uint8Array(Buffer.from(hex.join(''), 'hex')),
  }
}
