import { type Address, nullAddress, parseAddressOrLocal, toText } from './address.ts'

/** RFC 5321 §4.5.3.1.3 says 256; Postfix takes what fits its line. */
const maxPathBytes = 2048

/**
 * MAIL FROM as Postfix takes it: `<a@b>`, `a@b`, `<pkumar>`, `<@a,@b:c@d>`, `<>` (null).
 * undefined: 501 5.1.7. RFC 5321 §4.1.2.
 */
export const parseReversePath = (input: string | Uint8Array): Address | undefined => {
  const text = unwrapPath(input)
  if (text === undefined) return undefined
  if (text === '') return nullAddress
  const address = parseAddressOrLocal(stripRoute(text))
  return address === undefined || isNoHost.test(address.domain) ? undefined : address
}

/** No host can be called so: labels that begin or end with a hyphen, an address without its brackets. Postfix: valid_hostname(). */
const isNoHost = /^-|-$|\.-|-\.|^[\d.]+$/

/** RCPT TO: as the reverse path, never null. undefined: 501 5.1.3. */
export const parseForwardPath = (input: string | Uint8Array): Address | undefined => {
  const address = parseReversePath(input)
  return address === undefined || address === nullAddress ? undefined : address
}

/** Without angle brackets; '' for `<>` alone. */
const unwrapPath = (input: string | Uint8Array): string | undefined => {
  if (input.length > maxPathBytes) return undefined
  const text = toText(input)?.trim()
  if (text === undefined || text === '') return undefined
  if (!text.startsWith('<')) return text
  return text.endsWith('>') ? text.slice(1, -1).trim() : undefined
}

/** RFC 5321 §4.1.2 A-d-l: accepted, ignored (Appendix C). */
const stripRoute = (text: string): string => {
  if (!text.startsWith('@')) return text
  const colon = text.indexOf(':')
  return colon < 0 ? text : text.slice(colon + 1)
}

/**
 * The path of an envelope command with brackets of its sender's template too many or too few: `<<a@b>>`, `<a@b>>`,
 * `a@b>` are `<a@b>`, as for Postfix; what lacks the closing one is left as it is, an error. The path has to be one
 * of `splitPathArgument`: a bracket at its end is outside quotes.
 */
export const withoutSpareBrackets = (path: string): string => {
  if (!path.startsWith('<')) return path.length > 1 && path.endsWith('>') ? `<${path}` : path
  if (!path.endsWith('>>')) return path
  return path.startsWith('<<') ? path.slice(1, -1) : path.slice(0, -1)
}

/**
 * Cuts `<a@b> SIZE=1` into path and parameters, minding quotes. The path keeps all its brackets. undefined: a quote
 * or bracket stays open.
 */
export const splitPathArgument = (
  argument: string,
): { readonly path: string; readonly parameters: string } | undefined => {
  const text = argument.trimStart()
  const bracketed = text.startsWith('<')
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (quoted && character === '\\') i++
    else if (character === '"') quoted = !quoted
    else if (quoted) continue
    else if (bracketed && character === '>') {
      const end = text[i + 1] === '>' ? i + 2 : i + 1
      return isBlank(text[end]) ? cut(text, end) : undefined
    } else if (!bracketed && isBlank(character)) return cut(text, i)
  }
  return bracketed || quoted ? undefined : { path: text, parameters: '' }
}

const isBlank = (character: string | undefined): boolean =>
  character === undefined || character === ' ' || character === '\t'

const cut = (text: string, end: number) => ({ path: text.slice(0, end), parameters: text.slice(end).trim() })
