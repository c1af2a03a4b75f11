/** A number at the start of an argument, and what comes behind it. Messages in Dovecot's words. */
export type NumberRead =
  | { readonly kind: 'number'; readonly value: number; readonly rest: Buffer }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'too-large'; readonly rest: Buffer }

const zero = 48
const nine = 57
const space = 32
export const maxNumber = 0xffff_ffff

/** Digits up to a space or the end. RFC 1939 §3: decimal, no sign. */
export function readNumber(argument: Buffer): NumberRead {
  let value = 0
  let at = 0
  for (; at < argument.length; at++) {
    const byte = argument[at]!
    if (byte === space) break
    if (byte < zero || byte > nine) return { kind: 'invalid' }
    value = value > maxNumber ? value : value * 10 + (byte - zero)
  }
  if (at === 0) return { kind: 'invalid' }
  const rest = skipSpaces(argument.subarray(at))
  return value > maxNumber ? { kind: 'too-large', rest } : { kind: 'number', value, rest }
}

export function skipSpaces(argument: Buffer): Buffer {
  let at = 0
  while (at < argument.length && argument[at] === space) at++
  return argument.subarray(at)
}

/** A client's octets in our reply: printable ASCII, bounded. */
export function quoteArgument(argument: Buffer): string {
  let text = ''
  for (const byte of argument.subarray(0, 80))
    text += byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '?'
  return text
}
