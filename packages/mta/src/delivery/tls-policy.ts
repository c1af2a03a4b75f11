import type { ClientTlsSettings } from '@posthorn/smtp'
import { type LookupTable, lookupFirst } from '../tables/index.ts'
import { type TlsLevel, tlsLevels } from './tls-levels.ts'

export type { TlsLevel } from './tls-levels.ts'

/** What a destination's TLS must be. */
export interface TlsPolicy {
  readonly level: TlsLevel
  /** `hostname`, `nexthop`, `dot-nexthop`, names, `.parents`; fingerprints at that level. Empty: the level's own. */
  readonly match: readonly string[]
  /** tafile: PEM files with what is trusted in the place of authorities. */
  readonly anchorFiles?: readonly string[]
  /** For the handshake; what is absent comes from the site's settings. */
  readonly tls: Pick<ClientTlsSettings, 'minVersion' | 'maxVersion' | 'ciphers' | 'serverName' | 'anchors'>
}

export type TlsPolicyEntry =
  | { readonly kind: 'policy'; readonly policy: TlsPolicy }
  | { readonly kind: 'bad'; readonly text: string }

const versions = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const
type Version = (typeof versions)[number]

const versionNamed = (text: string): Version | undefined =>
  versions.find((version) => version.toLowerCase() === text.toLowerCase())

/**
 * `>=TLSv1.2, <=TLSv1.3`, `!SSLv2, !TLSv1`, `TLSv1.2`. Postfix: smtp_tls_mandatory_protocols. What is excluded in the
 * middle is allowed: OpenSSL knows a lowest and a highest version only.
 */
export const parseTlsProtocols = (
  text: string,
): { readonly minVersion?: Version; readonly maxVersion?: Version } | undefined => {
  let allowed: Version[] = []
  const refused = new Set<string>()
  let low = 0
  let high = versions.length - 1
  for (const word of text.split(/[\s,:]+/).filter((one) => one !== '')) {
    const match = /^(>=|<=|!)?(SSLv2|SSLv3|TLSv1(?:\.[0-3])?)$/i.exec(word)
    if (match === null) return undefined
    const version = versionNamed(match[2] ?? '')
    const place = version === undefined ? -1 : versions.indexOf(version)
    if (match[1] === '>=') low = Math.max(place, 0)
    else if (match[1] === '<=') high = place
    else if (match[1] === '!') refused.add(version ?? '')
    else if (version !== undefined) allowed = [...allowed, version]
  }
  const usable = versions.filter(
    (version, place) =>
      place >= low &&
      place <= high &&
      !refused.has(version) &&
      (allowed.length === 0 || allowed.includes(version)),
  )
  const [minVersion] = usable
  const maxVersion = usable.at(-1)
  if (minVersion === undefined || maxVersion === undefined) return undefined
  return { minVersion, ...(maxVersion === 'TLSv1.3' ? {} : { maxVersion }) }
}

/** What a site means by these grades; '' or undefined: what they are by themselves. */
export interface CipherLists {
  readonly high?: string
  readonly medium?: string
}

/** Postfix: tls_high_cipherlist and its kind; what is excluded behind it. Others are OpenSSL's own words. */
export const cipherList = (
  grade: string,
  exclude: readonly string[] = [],
  lists: CipherLists = {},
): string | undefined => {
  const grades: Readonly<Record<string, string>> = {
    high: lists.high || 'HIGH:!aNULL:!eNULL',
    medium: lists.medium || 'DEFAULT',
    low: 'DEFAULT',
    export: 'DEFAULT',
    null: 'eNULL',
  }
  const list = grade === '' ? 'medium' : grade.toLowerCase()
  const refused = exclude.map((word) => `:!${word}`).join('')
  if (list === 'medium' && refused === '' && !lists.medium) return undefined
  return (grades[list] ?? grade) + refused
}

/** `secure match=example.net:.example.net protocols=>=TLSv1.2 ciphers=high`. Postfix: smtp_tls_policy_maps. */
export const parseTlsPolicy = (text: string, lists: CipherLists = {}): TlsPolicyEntry => {
  const [word = '', ...attributes] = text.trim().split(/[\s,]+/)
  const level = tlsLevels.find((one) => one === word.toLowerCase())
  if (level === undefined) return { kind: 'bad', text: `invalid security level: ${word}` }
  const match: string[] = []
  let tls: TlsPolicy['tls'] = {}
  let grade = ''
  let exclude: readonly string[] = []
  const anchorFiles: string[] = []
  for (const attribute of attributes.filter((one) => one !== '')) {
    const equals = attribute.indexOf('=')
    const name = attribute.slice(0, Math.max(equals, 0)).toLowerCase()
    const value = attribute.slice(equals + 1)
    if (name === 'match') match.push(...value.split(level === 'fingerprint' ? '|' : /[:|]/))
    else if (name === 'protocols') {
      const range = parseTlsProtocols(value)
      if (range === undefined) return { kind: 'bad', text: `invalid protocols: ${value}` }
      tls = { ...tls, ...range }
    } else if (name === 'ciphers') grade = value
    else if (name === 'exclude') exclude = value.split(/[:]+/)
    else if (name === 'servername') tls = { ...tls, serverName: value }
    else if (name === 'tafile') anchorFiles.push(value)
    else if (name !== 'connection_reuse' && name !== 'enable_rpk')
      return { kind: 'bad', text: `invalid attribute: ${attribute}` }
  }
  const ciphers = grade === '' && exclude.length === 0 ? undefined : cipherList(grade, exclude, lists)
  return {
    kind: 'policy',
    policy: {
      level,
      match,
      ...(anchorFiles.length === 0 ? {} : { anchorFiles }),
      tls: { ...tls, ...(ciphers === undefined ? {} : { ciphers }) },
    },
  }
}

/** Keys of smtp_tls_policy_maps: the next hop as written, its domain, `.parents`. Postfix: TLS_README. */
export const lookupTlsPolicy = (
  tables: readonly LookupTable[],
  nextHop: string,
  lists: CipherLists = {},
): TlsPolicyEntry | undefined => {
  for (const key of policyKeys(nextHop.toLowerCase())) {
    const found = lookupFirst(tables, key)
    if (found !== undefined) return parseTlsPolicy(found, lists)
  }
  return undefined
}

function* policyKeys(nextHop: string): Generator<string> {
  yield nextHop
  const bare = nextHop.replace(/:[a-z0-9]+$/, '')
  if (bare !== nextHop) yield bare
  if (bare.startsWith('[') || bare.startsWith('unix:')) return
  for (let dot = bare.indexOf('.', 1); dot !== -1; dot = bare.indexOf('.', dot + 1)) yield bare.slice(dot)
}
