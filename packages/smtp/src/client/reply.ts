/** A reply of another server, complete. */
export interface RemoteReply {
  readonly code: number
  /** RFC 3463 status it gave, or `2.0.0`, `4.0.0`, `5.0.0` after its code. */
  readonly status: string
  /** All lines joined by blanks, each with its code and status: what logs and reports quote. */
  readonly text: string
  /** Each line without its code. */
  readonly lines: readonly string[]
}

const maxQuotedLength = 1000
const withoutCode = (line: string): string => line.replace(/^\d{3}[ -]?/, '')

/** `250-a\n250 b`. A line that is no reply counts as 4yz: the peer is broken, the mail is not. */
export const readRemoteReply = (raw: string): RemoteReply => {
  const text = raw
    .replaceAll('\n', ' ')
    .replace(/[\x00-\x1f\x7f]/g, ' ')
    .trim()
    .slice(0, maxQuotedLength)
  const lines = raw.includes('\n') ? raw.split('\n').map(withoutCode) : [withoutCode(raw)]
  const match = /^([2-5]\d\d)(?:[ -]|$)/.exec(text)
  const code = match === null ? 0 : Number(match[1])
  if (code === 0) return { code: 450, status: '4.5.0', text: `450 4.5.0 unreadable reply: ${text}`, lines }
  const given = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})(?:\s|$)/.exec(text)?.[1]
  const own = code < 400 ? 2 : Math.floor(code / 100)
  // A status of another class than its code is worth nothing (RFC 3463 §2).
  const status = given !== undefined && Number(given[0]) === own ? given : `${own}.0.0`
  return { code, status, text, lines }
}
