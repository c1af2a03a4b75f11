import { isQuestionName } from '@posthorn/dns'
import { PolicyError } from './restriction-list.ts'

export interface ListZone {
  /** As in main.cf: `zen.example.org=127.0.0.[2..11]`. */
  readonly text: string
  readonly zone: string
  /** Whether a list's answer counts: `zone=127.0.0.[2..11]`; without a filter all of 127.0.0.0/8. */
  readonly accepts: (code: string) => boolean
}

/** Postfix: rbl_domain=d.d.d.d with `[a;b..c]` alternatives. Throws PolicyError. */
export function parseListZone(text: string): ListZone {
  const equals = text.indexOf('=')
  const zone = (equals === -1 ? text : text.slice(0, equals)).toLowerCase()
  if (!isQuestionName(zone) || !zone.includes('.'))
    throw new PolicyError(text, 'expected the domain of a DNS list')
  if (equals === -1) return { text, zone, accepts: (code) => code.startsWith('127.') }
  const octets = splitOctets(text.slice(equals + 1)).map((octet) => octetSet(octet, text))
  if (octets.length !== 4)
    throw new PolicyError(text, 'expected four octets after "=", such as 127.0.0.[2..11]')
  return {
    text,
    zone,
    accepts(code) {
      const given = code.split('.')
      return octets.every((set, i) => set.has(Number(given[i])))
    },
  }
}

/** At dots outside brackets. */
function splitOctets(text: string): string[] {
  const octets: string[] = []
  let octet = ''
  let bracketed = false
  for (const char of text) {
    if (char === '[') bracketed = true
    else if (char === ']') bracketed = false
    if (char === '.' && !bracketed) {
      octets.push(octet)
      octet = ''
    } else octet += char
  }
  return [...octets, octet]
}

function octetSet(text: string, all: string): ReadonlySet<number> {
  const body = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  const set = new Set<number>()
  for (const part of body.split(';')) {
    const match = /^(\d{1,3})(?:\.\.(\d{1,3}))?$/.exec(part)
    const from = Number(match?.[1])
    const to = Number(match?.[2] ?? match?.[1])
    if (match === null || from > to || to > 255)
      throw new PolicyError(all, `bad octet ${JSON.stringify(text)}`)
    for (let value = from; value <= to; value++) set.add(value)
  }
  return set
}
