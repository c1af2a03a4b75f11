import ipaddr from 'ipaddr.js'
import type { Parameter } from './schema/parameter.ts'

export class ValueError extends Error {}

export type Value = string | boolean | number | readonly string[]

/** The value of an expanded text. Throws ValueError saying what is wrong with it. */
export function parseValue(parameter: Parameter, text: string, folder: string): Value {
  switch (parameter.type) {
    case 'string':
      return text
    case 'file':
      return parseFile(text, folder)
    case 'boolean':
      return parseBoolean(text)
    case 'choice':
      if (parameter.values?.includes(text)) return text
      throw new ValueError(`not one of ${parameter.values?.filter((one) => one !== '').join(', ')}`)
    case 'integer':
      return within(parameter, parseInteger(text))
    case 'port':
      return within({ ...parameter, min: 0, max: 65535 }, parseInteger(text))
    case 'octets':
      return within(parameter, parseOctets(text))
    case 'time':
      return parseTime(text, parameter)
    case 'networks':
      return splitList(text).map(checkNetwork)
    default:
      return splitList(text)
  }
}

/** Words separated by commas and blanks; `{…}` keeps its contents together (Postfix: mystrtokq). */
export function splitList(text: string): readonly string[] {
  const words: string[] = []
  let word = ''
  let depth = 0
  for (const character of text) {
    if (character === '{') depth++
    else if (character === '}') depth = Math.max(0, depth - 1)
    if (depth === 0 && /[\s,]/.test(character)) {
      if (word !== '') words.push(word)
      word = ''
    } else word += character
  }
  if (word !== '') words.push(word)
  return words
}

/** Octets of a main.cf number with an optional k, M or G. */
function parseOctets(text: string): number {
  const match = /^(\d{1,15})([kKmMgGtT]?)[bB]?$/.exec(text)
  if (match === null) throw new ValueError('not a number of octets (10240000, 500k, 10M, 2G)')
  return Number(match[1]) * 1024 ** ' kmgt'.indexOf((match[2] || ' ').toLowerCase())
}

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

function parseTime(text: string, parameter: Parameter): number {
  // Postfix's default `${postscreen_dnsbl_ttl?{$postscreen_dnsbl_ttl}:{1}}h` adds a unit to the `1h` of a site.
  const added = /\}[smhdw]$/.test(parameter.default) ? '[smhdw]?' : ''
  const match = new RegExp(`^(\\d{1,12})(ms|[smhdw])?${added}$`).exec(text)
  if (match === null) throw new ValueError('not a time (30s, 5m, 1h, 2d, 1w)')
  const unit = (match[2] ?? parameter.unit ?? 's') as keyof typeof unitMs
  const ms = Number(match[1]) * unitMs[unit]
  within(parameter, ms / 1000)
  return ms
}

function parseInteger(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new ValueError('not a number')
  return Number(text)
}

function parseBoolean(text: string): boolean {
  const word = text.toLowerCase()
  if (word !== 'yes' && word !== 'no') throw new ValueError('neither yes nor no')
  return word === 'yes'
}

function within(parameter: Parameter, value: number): number {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = parameter
  if (value < min) throw new ValueError(`less than ${min}`)
  if (value > max) throw new ValueError(`more than ${max}`)
  return value
}

function parseFile(text: string, folder: string): string {
  const name = text.startsWith('<') ? text.slice(1).trim() : text
  if (name === '' || name.startsWith('/')) return name
  return `${folder}/${name.replace(/^\.\//, '')}`
}

/** RFC 4632 notation; Postfix refuses set host bits, and so do we: they are a misunderstanding. */
function checkNetwork(word: string): string {
  const pattern = word.replace(/^!+/, '')
  if (pattern.startsWith('/') || /^[a-z]+:[^:]/.test(pattern)) return word
  const match = /^\[?([0-9a-fA-F:.]+)\]?(?:\/(\d{1,3}))?$/.exec(pattern)
  const [, address = '', bits] = match ?? []
  if (match === null || !ipaddr.isValid(address)) {
    // Host and domain names are allowed in these lists.
    if (/^\.?[A-Za-z][A-Za-z0-9_.-]*$/.test(pattern)) return word
    throw new ValueError(`"${word}" is neither an address nor a network (192.0.2.0/24, [2001:db8::]/32)`)
  }
  if (bits === undefined) return word
  const parsed = ipaddr.parse(address)
  if (Number(bits) > parsed.toByteArray().length * 8) throw new ValueError(`bad net/mask pattern: "${word}"`)
  const first = networkAddress(`${address}/${bits}`)
  if (first !== parsed.toString()) {
    throw new ValueError(
      `non-null host address bits in "${word}", perhaps you should use "${address.includes(':') ? `[${first}]` : first}/${bits}" instead`,
    )
  }
  return word
}

/** The first address of a network in CIDR notation. */
export function networkAddress(cidr: string): string {
  const version = cidr.includes(':') ? ipaddr.IPv6 : ipaddr.IPv4
  return version.networkAddressFromCIDR(cidr).toString()
}
