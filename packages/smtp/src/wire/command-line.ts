import { isUtf8 } from 'node:buffer'

export interface CommandLine {
  /** Upper case; '' for an empty line. */
  readonly verb: string
  /** Without leading and trailing blanks. */
  readonly argument: string
}

/** Splits a line without its line end into verb and argument, blanks around both ignored as Postfix does. RFC 5321 §4.1.1. */
export const parseCommandLine = (line: string): CommandLine => {
  let start = 0
  while (isBlank(line.charCodeAt(start))) start++
  let end = start
  while (end < line.length && !isBlank(line.charCodeAt(end))) end++
  return { verb: line.slice(start, end).toUpperCase(), argument: line.slice(end).trim() }
}

/** Octets as text; undefined: not UTF-8 (RFC 6531 §3.3). */
export const decodeLine = (bytes: Buffer, start: number, end: number): string | undefined => {
  for (let i = start; i < end; i++) {
    if ((bytes[i] as number) < 0x80) continue
    const line = bytes.subarray(start, end)
    return isUtf8(line) ? line.toString('utf8') : undefined
  }
  return bytes.toString('latin1', start, end)
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

/** What never is SMTP, beside smtpd_forbidden_commands: another protocol's request line, a header field, or binary. */
const foreignVerbs = new Set(['PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])
export const isForeign = (verb: string): boolean =>
  foreignVerbs.has(verb) || (verb !== '' && !/^[A-Z][^:]*$/.test(verb))

/** The words of an argument. */
export const splitWords = (argument: string): string[] => (argument === '' ? [] : argument.split(/[ \t]+/))
