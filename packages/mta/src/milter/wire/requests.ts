import { encodeFrame, strings } from './frame.ts'

/** SMFIC_MACRO: values for the event that follows. undefined: none. */
export function encodeMacros(
  letter: string,
  names: readonly string[],
  valueFor: (name: string) => string | undefined,
): Buffer | undefined {
  const pairs: string[] = []
  for (const name of names) {
    const value = valueFor(name)
    if (value !== undefined) pairs.push(name.length === 1 ? name : `{${name}}`, value)
  }
  return pairs.length === 0 ? undefined : encodeFrame('D', Buffer.from(letter), strings(...pairs))
}

/** SMFIC_CONNECT: a name, the family, the port, the address. */
export function encodeConnect(name: string, address: string, port: number): Buffer {
  const family = address.includes(':') ? '6' : /^\d/.test(address) ? '4' : 'U'
  if (family === 'U') return encodeFrame('C', strings(name), Buffer.from('U'))
  const number = Buffer.allocUnsafe(2)
  number.writeUInt16BE(port & 0xffff)
  // Sendmail's form of an IPv6 address.
  const text = family === '6' ? `IPv6:${address}` : address
  return encodeFrame('C', strings(name), Buffer.from(family), number, strings(text))
}

/** SMFIC_HELO. */
export const encodeHelo = (name: string): Buffer => encodeFrame('H', strings(name))

/** SMFIC_MAIL and SMFIC_RCPT: `<address>` and the ESMTP parameters as the client gave them. */
export function encodePath(letter: 'M' | 'R', address: string, parameters: readonly string[]): Buffer {
  return encodeFrame(letter, strings(`<${address}>`, ...parameters))
}

export const encodeData = (): Buffer => encodeFrame('T')
/** SMFIC_UNKNOWN: the command line. */
export const encodeUnknown = (line: string): Buffer => encodeFrame('U', strings(line))
/** SMFIC_HEADER. */
export const encodeHeader = (name: Uint8Array, value: Uint8Array): Buffer =>
  encodeFrame('L', strings(name, value))
export const encodeEndOfHeaders = (): Buffer => encodeFrame('N')
/** SMFIC_BODY: at most 65,535 octets. */
export const encodeBody = (octets: Uint8Array): Buffer => encodeFrame('B', octets)
export const encodeEndOfBody = (): Buffer => encodeFrame('E')
export const encodeAbort = (): Buffer => encodeFrame('A')
/** SMFIC_QUIT; SMFIC_QUIT_NC keeps the connection for another client. */
export const encodeQuit = (next: 'close' | 'another-client'): Buffer =>
  encodeFrame(next === 'close' ? 'Q' : 'K')
