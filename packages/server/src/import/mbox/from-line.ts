const days = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
/** A longer line that begins with `From ` is text. */
export const maxFromLineBytes = 1_000

/**
 * `From alice@example.org Mon Jan  5 10:11:12 2026` (RFC 4155 §A; also with a zone before or after the year):
 * the time, in ms since 1970. undefined for a line of text that merely begins so.
 */
export function parseFromLine(line: string): number | undefined {
  const words = line.split(/ +/)
  if (words[0] !== 'From') return undefined
  for (let at = 1; at + 3 < words.length; at++) {
    if (!days.includes((words[at] ?? '').replace(',', ''))) continue
    const month = months.indexOf(words[at + 1] ?? '')
    const day = /^\d{1,2}$/.exec(words[at + 2] ?? '')
    const time = /^(\d\d):(\d\d)(?::(\d\d))?$/.exec(words[at + 3] ?? '')
    const rest = words.slice(at + 4)
    const year = rest.find((word) => /^\d{4}$/.test(word))
    if (month < 0 || day === null || time === null || year === undefined) continue
    const zone = rest.find((word) => /^[+-]\d{4}$/.test(word))
    const utcMs = Date.UTC(
      Number(year),
      month,
      Number(day[0]),
      Number(time[1]),
      Number(time[2]),
      Number(time[3] ?? 0),
    )
    return utcMs - zoneMs(zone)
  }
  return undefined
}

/** Without a zone it is UTC: RFC 4155 §A. */
function zoneMs(zone: string | undefined): number {
  if (zone === undefined) return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3))
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000
}

export function formatFromLine(sender: string, dateMs: number): string {
  const date = new Date(dateMs)
  const two = (value: number) => String(value).padStart(2, '0')
  const day = days[(date.getUTCDay() + 6) % 7]
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`
  return `From ${sender} ${day} ${months[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)} ${time} ${date.getUTCFullYear()}`
}
