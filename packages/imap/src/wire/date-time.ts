/** Dates of the IMAP grammar (RFC 9051 §9 date-time, date-text) ↔ numbers, without Date. */

const months = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
export const dayMs = 86_400_000

/** Days since 1970-01-01 of a date of the proleptic Gregorian calendar; undefined when there is no such day. */
function dayNumber(day: number, month: number, year: number): number | undefined {
  if (month < 0 || day < 1 || year < 1) return undefined
  const date = new Date(0)
  date.setUTCFullYear(year, month, day)
  return date.getUTCMonth() === month && date.getUTCDate() === day ? date.getTime() / dayMs : undefined
}

/** `1-Feb-1994`. */
export function parseDateText(text: string): number | undefined {
  const parts = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})$/.exec(text)
  if (parts === null) return undefined
  return dayNumber(Number(parts[1]), months.indexOf(parts[2]!.toUpperCase()), Number(parts[3]))
}

/** `17-Jul-1996 02:44:25 -0700`, the day with a leading blank or digit → ms since 1970. */
export function parseDateTime(text: string): number | undefined {
  const parts = /^( \d|\d{1,2})-([A-Za-z]{3}-\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/.exec(text)
  if (parts === null) return undefined
  const day = parseDateText(`${parts[1]!.trim()}-${parts[2]}`)
  const [hours, minutes, seconds] = [Number(parts[3]), Number(parts[4]), Number(parts[5])]
  const [zoneHours, zoneMinutes] = [Number(parts[7]), Number(parts[8])]
  // Second 60 is a leap second.
  if (day === undefined || hours > 23 || minutes > 59 || seconds > 60) return undefined
  if (zoneHours > 23 || zoneMinutes > 59) return undefined
  const zoneMs = (zoneHours * 60 + zoneMinutes) * (parts[6] === '-' ? -60_000 : 60_000)
  return day * dayMs + ((hours * 60 + minutes) * 60 + seconds) * 1000 - zoneMs
}

const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
let lastDay = Number.NaN
let lastDayText = ''

/** `17-Jul-1996 09:44:25 +0000`: always in UTC, 26 characters; the day has a leading blank below 10. */
export function formatDateTime(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const day = Math.floor(seconds / 86_400)
  if (day !== lastDay) {
    const date = new Date(day * dayMs)
    const year = String(Math.min(Math.max(date.getUTCFullYear(), 0), 9999)).padStart(4, '0')
    lastDayText = `${String(date.getUTCDate()).padStart(2, ' ')}-${monthNames[date.getUTCMonth()]}-${year} `
    lastDay = day
  }
  const inDay = seconds - day * 86_400
  const hours = (inDay / 3600) | 0
  const minutes = ((inDay % 3600) / 60) | 0
  return `${lastDayText}${twoDigits[hours]}:${twoDigits[minutes]}:${twoDigits[inDay % 60]} +0000`
}

const twoDigits: readonly string[] = Array.from({ length: 60 }, (_, value) => String(value).padStart(2, '0'))
