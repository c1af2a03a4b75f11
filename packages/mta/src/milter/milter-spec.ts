import type { ServiceAddress } from '@posthorn/net'
import { insideBraces, splitListText, TableError } from '../tables/index.ts'
import type { MilterDefaultAction, MilterSettings } from './milter-options.ts'

/** One filter of smtpd_milters. */
export interface MilterSpec {
  /** As configured: `inet:127.0.0.1:8891`. */
  readonly name: string
  readonly address: ServiceAddress
  readonly settings: MilterSettings
}

const defaultActions: readonly string[] = ['accept', 'reject', 'tempfail', 'quarantine', 'shutdown']
const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }

/**
 * `inet:host:port`, `unix:/path`, `{ inet:host:port, connect_timeout=10s, default_action=accept }`; several
 * divided by commas or blanks. Postfix: smtpd_milters. Throws TableError.
 */
export function readMilterSpecs(
  texts: readonly string[],
  settings: MilterSettings,
  socketFolder: string,
): readonly MilterSpec[] {
  return texts
    .flatMap((text) => splitListText(text))
    .map((text) => {
      const words = splitListText(insideBraces(text) ?? text)
      const [name = ''] = words
      let own = settings
      for (const word of words.slice(1)) own = { ...own, ...readSetting(text, insideBraces(word) ?? word) }
      return { name, address: readAddress(name, socketFolder), settings: own }
    })
}

function readAddress(text: string, socketFolder: string): ServiceAddress {
  const [, kind = '', rest = ''] = /^(unix|local|inet|inet6):(.+)$/.exec(text) ?? []
  if (kind === 'unix' || kind === 'local')
    return { kind: 'unix', path: rest.startsWith('/') ? rest : `${socketFolder}/${rest}` }
  // Sendmail's order is port@host.
  const [, port0, host0] = /^(\d{1,5})@\[?([^\]]+)\]?$/.exec(rest) ?? []
  const [, bracketed, plain, port1] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(rest) ?? []
  const host = bracketed ?? plain ?? host0
  const port = Number(port1 ?? port0)
  if (kind === '' || host === undefined || !(port >= 1 && port <= 65_535))
    throw new TableError(text, 'a milter is inet:host:port or unix:/path')
  return { kind: 'inet', host, port }
}

function readSetting(spec: string, text: string): Partial<MilterSettings> {
  const equals = text.indexOf('=')
  const name = text.slice(0, Math.max(0, equals)).trim()
  const value = text.slice(equals + 1).trim()
  switch (name) {
    case 'connect_timeout':
      return { connectTimeoutMs: readTime(spec, name, value) }
    case 'command_timeout':
      return { commandTimeoutMs: readTime(spec, name, value) }
    case 'content_timeout':
      return { contentTimeoutMs: readTime(spec, name, value) }
    case 'default_action':
      return { defaultAction: readDefaultAction(value, spec) }
    case 'protocol':
      return { protocol: readProtocol(value, spec) }
    default:
      throw new TableError(spec, `unknown milter attribute "${text}"`)
  }
}

function readTime(spec: string, name: string, value: string): number {
  const [, number, unit = 's'] = /^(\d{1,9})([smhdw])?$/.exec(value) ?? []
  if (number === undefined || Number(number) === 0)
    throw new TableError(spec, `${name}: "${value}" is no time`)
  return Number(number) * (seconds[unit] ?? 1) * 1_000
}

export function readDefaultAction(value: string, spec: string): MilterDefaultAction {
  const action = value.toLowerCase()
  if (defaultActions.includes(action)) return action as MilterDefaultAction
  throw new TableError(spec, `milter_default_action "${value}" is none of: ${defaultActions.join(' ')}`)
}

export function readProtocol(value: string, spec: string): number {
  // Postfix takes words behind the number, of workarounds that nobody needs any more.
  const version = Number(/^[2346]\b/.exec(value)?.[0])
  if (version > 0) return version
  throw new TableError(spec, `milter_protocol "${value}" is none of: 2 3 4 6`)
}
