import { CommandError } from '../../shell.ts'
import { wrongArguments } from './call.ts'

/** A day, or a moment, which is a day of no length. */
export interface Moment {
  /** ms since 1970, half-open. */
  readonly fromMs: number
  readonly toMs: number
  /** Days since 1970 of its date here. */
  readonly day: number
}

const dayMs = 86_400_000
const units: readonly (readonly [name: string, ms: number])[] = [
  ['weeks', 7 * dayMs],
  ['days', dayMs],
  ['hours', 3_600_000],
  ['mins', 60_000],
  ['secs', 1000],
]
const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')

/**
 * `13-Apr-2007`, `2007-04-13`, `1176418800`, `30d`, `7days`. Days are those of this machine's zone.
 *
 * @throws CommandError
 */
export function momentOf(text: string, nowMs: number): Moment {
  const imap = /^(\d{1,2})-([a-z]{3})-(\d{4})$/i.exec(text)
  if (imap !== null) {
    const month = months.indexOf(imap[2]?.toLowerCase() ?? '')
    if (month >= 0) return dayOf(text, Number(imap[3]), month, Number(imap[1]))
  }
  const iso = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)
  if (iso !== null) return dayOf(text, Number(iso[1]), Number(iso[2]) - 1, Number(iso[3]))
  if (/^\d{10}$/.test(text)) return instant(Number(text) * 1000)
  const ago = /^(\d{1,9}) ?([a-z]+)$/i.exec(text)
  const unit = units.find(([name]) => name.startsWith(ago?.[2]?.toLowerCase() ?? '-'))
  if (ago === null || unit === undefined) throw invalid(text)
  return instant(nowMs - Number(ago[1]) * unit[1])
}

function dayOf(text: string, year: number, month: number, day: number): Moment {
  const from = new Date(year, month, day)
  if (from.getMonth() !== month || from.getDate() !== day) throw invalid(text)
  return {
    fromMs: from.getTime(),
    toMs: new Date(year, month, day + 1).getTime(),
    day: Date.UTC(year, month, day) / dayMs,
  }
}

function instant(ms: number): Moment {
  const here = new Date(ms)
  const day = Date.UTC(here.getFullYear(), here.getMonth(), here.getDate()) / dayMs
  return { fromMs: ms, toMs: ms, day }
}

const invalid = (text: string): CommandError =>
  new CommandError(`Invalid search date parameter: ${text}`, wrongArguments)

/** `1024`, `10k`, `1M`. @throws CommandError */
export function sizeOf(text: string): number {
  const match = /^(\d{1,15})([bkmgt]?)$/i.exec(text)
  if (match === null) throw new CommandError(`Invalid size: ${text}`, wrongArguments)
  return Number(match[1]) * 1024 ** Math.max(0, 'bkmgt'.indexOf(match[2]?.toLowerCase() || 'b'))
}
