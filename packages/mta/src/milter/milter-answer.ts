/** What a filter's reply means to the session; the text as it goes to the client, lines divided by LF. */
export type MilterAnswer =
  | { readonly kind: 'go-on' }
  | {
      readonly kind: 'refuse'
      readonly code: number
      readonly status: string
      readonly lines: readonly string[]
    }
  | { readonly kind: 'hold' }
  | { readonly kind: 'discard' }

export const goOn: MilterAnswer = { kind: 'go-on' }
export const hold: MilterAnswer = { kind: 'hold' }
export const discard: MilterAnswer = { kind: 'discard' }

export function refuse(code: number, status: string, text: string): MilterAnswer {
  return { kind: 'refuse', code, status, lines: [text] }
}

/** Postfix: milter8.c. */
export const rejected = refuse(550, '5.7.1', 'Command rejected')
export const tempfailed = refuse(451, '4.7.1', 'Service unavailable - try again later')
export const unavailable = refuse(550, '5.5.0', 'Service unavailable')
export const misconfigured = refuse(451, '4.3.5', 'Server configuration problem - try again later')
export const closing = refuse(421, '4.7.0', 'Server closing connection')

const maxLines = 32

/**
 * `550 5.7.1 text` or `550-5.7.1 text CR LF 550 5.7.1 text`. RFC 5321 §4.2, RFC 2034 §4. undefined: no reply
 * that may be given, since every line must have the same code 4yz or 5yz.
 */
export function parseReplyCode(text: string): MilterAnswer | undefined {
  const lines = text.replace(/(?:\r?\n)+$/, '').split(/\r?\n/)
  const [, digits = ''] = /^([45]\d\d)(?:[ -]|$)/.exec(lines[0] ?? '') ?? []
  if (digits === '' || lines.length > maxLines) return undefined
  const said: string[] = []
  let status = `${digits[0]}.0.0`
  for (const [i, line] of lines.entries()) {
    const match = /^(\d\d\d)(?:[ -](?:([245]\.\d{1,3}\.\d{1,3})(?: +|$))?(.*))?$/.exec(line)
    if (match === null || match[1] !== digits || /[\0-\x08\x0a-\x1f\x7f]/.test(line)) return undefined
    if (i === 0 && match[2] !== undefined) {
      if (match[2][0] !== digits[0]) return undefined
      status = match[2]
    }
    said.push(match[3] ?? '')
  }
  return { kind: 'refuse', code: Number(digits), status, lines: said }
}
