export interface ParsedDate {
  /** Milliseconds since 1970. */
  readonly ms: number
  /** Minutes east of UTC. */
  readonly offsetMinutes: number
  /** Calendar date in its own zone: days since 1970. */
  readonly day: number
}

const dayMs = 86_400_000
const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const dayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = new Map(monthNames.map((name, i) => [name.toLowerCase(), i]))
/** RFC 5322 §4.3 obs-zone; military letters mean nothing reliable and count as UTC. */
const zones = new Map([
  ['ut', 0],
  ['gmt', 0],
  ['utc', 0],
  ['z', 0],
  ['edt', -240],
  ['est', -300],
  ['cdt', -300],
  ['cst', -360],
  ['mdt', -360],
  ['mst', -420],
  ['pdt', -420],
  ['pst', -480],
  ['cet', 60],
  ['cest', 120],
  ['met', 60],
  ['mest', 120],
  ['bst', 60],
  ['eet', 120],
  ['eest', 180],
  ['msk', 180],
  ['jst', 540],
])

const maxTokens = 32
const maxDateLength = 512

/**
 * RFC 5322 §3.3 with the obsolete forms (comments, blanks anywhere, two- and three-digit years, named
 * zones) and asctime's `Sat Nov 21 22:35:00 2026`. A date without a time, or with one that cannot be, begins its day
 * (RFC 5256 §2.2). undefined when it is no date. Total, linear.
 */
export const parseDate = (text: string): ParsedDate | undefined => {
  const usual = usualForm.exec(text)
  return usual === null ? parseAnyForm(text) : readUsual(usual)
}

/** As nearly all programs write it: `Sat, 21 Nov 2026 22:35:00 +0000`. */
const usualForm =
  /^(?:(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat), )?([0-3]?\d) ([A-Z][a-z]{2}) ([12]\d{3}) ([01]\d|2[0-3]):([0-5]\d):([0-5]\d) ([+-])([01]\d)([0-5]\d)(?: \([A-Z]{1,5}\))?$/

const readUsual = (found: RegExpExecArray): ParsedDate | undefined => {
  const [, date, name, year, hour, minute, second, sign, zoneHours, zoneMinutes] = found
  const month = months.get((name as string).toLowerCase())
  if (month === undefined) return undefined
  const seconds = (Number(hour) * 60 + Number(minute)) * 60 + Number(second)
  const offsetMinutes = Number(zoneHours) * 60 + Number(zoneMinutes)
  return makeDate(Number(year), month, Number(date), seconds, sign === '-' ? -offsetMinutes : offsetMinutes)
}

const parseAnyForm = (text: string): ParsedDate | undefined => {
  const tokens = tokenize(text)
  let i = 0
  // A weekday is a hint at most: senders get it wrong.
  if (tokens[i] !== undefined && isWeekday(tokens[i] as string)) i++
  let month = monthOf(tokens[i])
  if (month !== undefined) return parseAsctime(tokens, i, month)
  const day = numberOf(tokens[i++], 2)
  month = monthOf(tokens[i++])
  const year = yearOf(tokens[i++])
  if (day === undefined || month === undefined || year === undefined) return undefined
  const time = timeOf(tokens[i])
  if (time !== undefined || looksLikeTime(tokens[i])) i++
  // RFC 5256 §2.2: a time that is none counts as 00:00:00.
  return makeDate(year, month, day, time ?? 0, zoneOf(tokens[i], tokens[i + 1]))
}

/** ctime order: month, day, time, year or month, day, time, zone, year. */
const parseAsctime = (tokens: readonly string[], start: number, month: number): ParsedDate | undefined => {
  const day = numberOf(tokens[start + 1], 2)
  const time = timeOf(tokens[start + 2])
  const year = yearOf(tokens[start + 3]) ?? yearOf(tokens[start + 4])
  if (day === undefined || time === undefined || year === undefined) return undefined
  const zone = yearOf(tokens[start + 3]) === undefined ? tokens[start + 3] : tokens[start + 4]
  return makeDate(year, month, day, time, zoneOf(zone, undefined))
}

const makeDate = (
  year: number,
  month: number,
  date: number,
  seconds: number,
  offsetMinutes: number,
): ParsedDate | undefined => {
  const start = Date.UTC(year, month, date)
  if (date < 1 || new Date(start).getUTCMonth() !== month) return undefined
  return { ms: start + (seconds - offsetMinutes * 60) * 1000, offsetMinutes, day: start / dayMs }
}

/** Words and times; commas, blanks and comments separate. `21-Nov-2026` falls apart at its hyphens. */
const tokenize = (text: string): readonly string[] => {
  const tokens: string[] = []
  const end = Math.min(text.length, maxDateLength)
  let depth = 0
  let word = ''
  for (let i = 0; i <= end && tokens.length < maxTokens; i++) {
    const c = i < end ? (text[i] as string) : ' '
    if (c === '(') depth++
    if (depth === 0 && isWordChar(c, word)) {
      word += c
      continue
    }
    if (word !== '') tokens.push(word)
    word = depth === 0 && (c === '+' || c === '-') && !isDateHyphen(tokens, text, i) ? c : ''
    if (c === ')' && depth > 0) depth--
  }
  return joinTimes(tokens)
}

const isWordChar = (c: string, word: string): boolean =>
  /[A-Za-z0-9:]/.test(c) || (c === '.' && /^\d+:[\d:]+$/.test(word))

/** `21-Nov-2026`: the hyphens belong to the date, not to a zone. */
const isDateHyphen = (tokens: readonly string[], text: string, i: number): boolean =>
  text[i] === '-' && !tokens.some((token) => token.includes(':')) && i > 0 && text[i - 1] !== ' '

/** RFC 5322 §4.3 obs-hour: blanks around the colons of the time. */
const joinTimes = (tokens: readonly string[]): readonly string[] => {
  const joined: string[] = []
  for (const token of tokens) {
    const last = joined.at(-1)
    if (last !== undefined && (last.endsWith(':') || token.startsWith(':')))
      joined[joined.length - 1] = last + token
    else joined.push(token)
  }
  return joined
}

const isWeekday = (token: string): boolean =>
  /^[A-Za-z]{3,9}$/.test(token) &&
  dayNames.some((name) => token.slice(0, 3).toLowerCase() === name.toLowerCase())

const monthOf = (token: string | undefined): number | undefined =>
  token === undefined || !/^[A-Za-z]{3,9}$/.test(token)
    ? undefined
    : months.get(token.slice(0, 3).toLowerCase())

const numberOf = (token: string | undefined, maxDigits: number): number | undefined =>
  token !== undefined && /^\d{1,9}$/.test(token) && token.length <= maxDigits ? Number(token) : undefined

/** RFC 5322 §4.3: 00–49 is 2000–2049, 50–99 and three digits count from 1900. */
const yearOf = (token: string | undefined): number | undefined => {
  const year = numberOf(token, 4)
  if (year === undefined || token === undefined || token.length < 2) return undefined
  if (token.length === 2) return year < 50 ? year + 2000 : year + 1900
  return token.length === 3 ? year + 1900 : year < 1000 ? undefined : year
}

/** Seconds of the day; 60 is a leap second. */
const timeOf = (token: string | undefined): number | undefined => {
  const match = /^(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.\d*)?)?$/.exec(token ?? '')
  if (match === null) return undefined
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)]
  return hour > 23 || minute > 59 || second > 60 ? undefined : (hour * 60 + minute) * 60 + second
}

const looksLikeTime = (token: string | undefined): boolean => token?.includes(':') === true

/** Minutes east of UTC; what is no zone counts as UTC (RFC 5322 §4.3). */
const zoneOf = (token: string | undefined, next: string | undefined): number => {
  if (token === undefined) return 0
  const numeric = /^([+-])(\d{2}):?(\d{2})$/.exec(token)
  if (numeric !== null) {
    const minutes = Number(numeric[2]) * 60 + Number(numeric[3])
    return Number(numeric[3]) > 59 || minutes > 24 * 60 ? 0 : numeric[1] === '-' ? -minutes : minutes
  }
  // `GMT+0200`, as some senders write it.
  if (/^(gmt|utc)$/i.test(token) && next !== undefined && /^[+-]\d{4}$/.test(next))
    return zoneOf(next, undefined)
  return zones.get(token.toLowerCase()) ?? 0
}

const two = (value: number): string => (value < 10 ? `0${value}` : `${value}`)

let lastSecond = Number.NaN
let lastOffset = 0
let lastText = ''

/** `Sat, 21 Nov 2026 22:35:00 +0000`. RFC 5322 §3.3. */
export const formatDate = (ms: number, offsetMinutes = 0): string => {
  const second = Math.floor(ms / 1000)
  // Many messages come in one second.
  if (second === lastSecond && offsetMinutes === lastOffset) return lastText
  lastText = dateText(second * 1000 + offsetMinutes * 60_000, offsetMinutes)
  lastSecond = second
  lastOffset = offsetMinutes
  return lastText
}

const dateText = (localMs: number, offsetMinutes: number): string => {
  const local = new Date(localMs)
  const time = `${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())}`
  const date = `${local.getUTCDate()} ${monthNames[local.getUTCMonth()]} ${String(local.getUTCFullYear()).padStart(4, '0')}`
  return `${dayNames[local.getUTCDay()]}, ${date} ${time} ${formatZone(offsetMinutes)}`
}

const formatZone = (offsetMinutes: number): string => {
  const minutes = Math.abs(offsetMinutes)
  return `${offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`
}
