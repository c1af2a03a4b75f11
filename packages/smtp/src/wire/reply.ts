import type { SmtpReply } from '../handler.ts'

/** RFC 5321 §4.5.3.1.5 allows 512 with code and CRLF; Postfix says more when it must. */
const maxTextLength = 900
const unsafe = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/g

/** One reply as it goes over the wire. Never more lines than `text` has: control characters become '?'. RFC 5321 §4.2. */
export const formatReply = ({ code, status, text }: SmtpReply): string => {
  const between = status === undefined ? '' : `${status} `
  if (typeof text === 'string') return `${code} ${between}${clean(text)}\r\n`
  const last = text.length - 1
  if (last < 0) return `${code} ${between}\r\n`
  let out = ''
  for (let i = 0; i <= last; i++)
    out += `${code}${i < last ? '-' : ' '}${between}${clean(text[i] as string)}\r\n`
  return out
}

const clean = (text: string): string => {
  const short = text.length > maxTextLength ? text.slice(0, maxTextLength) : text
  unsafe.lastIndex = 0
  return unsafe.test(short) ? short.replace(unsafe, '?') : short
}

export const reply = (code: number, status: string | undefined, text: string): SmtpReply =>
  status === undefined ? { code, text } : { code, status, text }

/** Postfix: soft_bounce, for a site that tries its configuration. */
export const softened = ({ code, status, text }: SmtpReply): SmtpReply => ({
  code: code - 100,
  text,
  ...(status === undefined ? {} : { status: status.replace(/^5/, '4') }),
})
