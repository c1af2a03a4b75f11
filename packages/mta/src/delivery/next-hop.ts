/** Where mail goes next, as transport tables and relayhost write it. */
export type NextHop =
  /** MX records of the domain, else its addresses. */
  | {
      readonly kind: 'domain'
      readonly name: string
      readonly port: number | undefined
      /** Where the port was written by its name. */
      readonly service?: string
    }
  /** In brackets: this host, no MX. */
  | { readonly kind: 'host'; readonly name: string; readonly port: number | undefined }
  | { readonly kind: 'unix'; readonly path: string }

const services: Readonly<Record<string, number>> = {
  smtp: 25,
  submission: 587,
  submissions: 465,
  smtps: 465,
  lmtp: 24,
}

const parsePort = (text: string): number | undefined => {
  const port = services[text] ?? (/^[0-9]{1,5}$/.test(text) ? Number(text) : 0)
  return port > 0 && port < 65_536 ? port : undefined
}

/**
 * `example.org`, `example.org:587`, `[mx.example.org]`, `[192.0.2.1]:25`, `[IPv6:2001:db8::1]`, `[::1]:24`,
 * `unix:/run/lmtp`, `inet:host:24`. undefined: none of these. Postfix: transport(5), relayhost.
 */
export const parseNextHop = (text: string): NextHop | undefined => {
  const trimmed = text.trim()
  if (trimmed.startsWith('unix:')) {
    const path = trimmed.slice(5)
    return path === '' ? undefined : { kind: 'unix', path }
  }
  const direct = trimmed.startsWith('inet:')
  const rest = direct ? trimmed.slice(5) : trimmed
  if (rest.startsWith('[')) {
    const match = /^\[([^[\]]+)\](?::([a-z0-9]+))?$/i.exec(rest)
    if (match?.[1] === undefined) return undefined
    const port = match[2] === undefined ? undefined : parsePort(match[2])
    if (match[2] !== undefined && port === undefined) return undefined
    return { kind: 'host', name: match[1].replace(/^IPv6:/i, '').toLowerCase(), port }
  }
  const colon = rest.lastIndexOf(':')
  const name = (colon < 0 ? rest : rest.slice(0, colon)).toLowerCase()
  const port = colon < 0 ? undefined : parsePort(rest.slice(colon + 1))
  if (name === '' || name.includes(':') || /[\s[\]]/.test(name) || (colon >= 0 && port === undefined))
    return undefined
  const written = rest.slice(colon + 1)
  if (direct) return { kind: 'host', name, port }
  return { kind: 'domain', name, port, ...(colon >= 0 && /^[a-z]/.test(written) ? { service: written } : {}) }
}

/** Whose word a next hop is: `user@[192.0.2.1]` itself says where its mail goes, unless a table or relayhost does. */
export const chosenBy = (
  nextHop: string,
  recipients: readonly { readonly address: string }[],
): 'recipient' | 'site' => {
  const end = `@${nextHop}`.toLowerCase()
  return recipients.some(({ address }) => address.toLowerCase().endsWith(end)) ? 'recipient' : 'site'
}

/** Destinations of smtp and lmtp, to be tried in this order: `[a.example.org], b.example.org:587`. Postfix: smtp(8). */
export const splitNextHops = (text: string): readonly string[] =>
  text.split(/[\s,]+/).filter((hop) => hop !== '')
