import { printable } from '@posthorn/dns'
import type { PolicyRequest } from './request.ts'

/** What reply texts may name of a session. Postfix: smtpd_expand_lookup(). */
export function macrosOf(request: PolicyRequest): Readonly<Record<string, string>> {
  const { client, helo, sender = '', recipient = '' } = request
  return {
    client: `${client.name.name}[${client.address}]`,
    client_address: client.address,
    client_name: client.name.name,
    client_port: String(request.connection?.clientPort ?? ''),
    reverse_client_name: client.name.reverseName,
    helo_name: helo,
    sender: sender === '' ? '<>' : sender,
    sender_name: localPart(sender),
    sender_domain: domainOf(sender),
    recipient,
    recipient_name: localPart(recipient),
    recipient_domain: domainOf(recipient),
    server_address: request.connection?.localAddress ?? '',
    server_port: String(request.connection?.localPort ?? ''),
  }
}

const localPart = (address: string): string =>
  address === ''
    ? ''
    : address.slice(0, address.lastIndexOf('@') === -1 ? undefined : address.lastIndexOf('@'))
const domainOf = (address: string): string =>
  address.includes('@') ? address.slice(address.lastIndexOf('@') + 1) : ''

const maxDepth = 10

/**
 * `$name ${name} $(name) ${name?text} ${name?{text}:{other}} ${name:text}`: a name without a value is empty. Values
 * are a stranger's: only printable ASCII comes through. Postfix: mac_expand(3), smtpd_expansion_filter.
 */
export function expandTemplate(
  template: string,
  valueFor: (name: string) => string | undefined,
  depth = 0,
): string {
  let text = ''
  for (let i = 0; i < template.length; i++) {
    const char = template[i] as string
    if (char !== '$') {
      text += char
      continue
    }
    const next = template[i + 1] ?? ''
    if (next === '$') {
      text += '$'
      i++
      continue
    }
    const plain = /^[A-Za-z0-9_]+/.exec(template.slice(i + 1, i + 65))?.[0]
    if (plain !== undefined) {
      text += printable(valueFor(plain) ?? '')
      i += plain.length
      continue
    }
    const end = next === '{' || next === '(' ? closing(template, i + 1) : -1
    if (end === -1 || depth >= maxDepth) {
      text += char
      continue
    }
    text += conditional(template.slice(i + 2, end), valueFor, depth + 1)
    i = end
  }
  return text
}

function conditional(inner: string, valueFor: (name: string) => string | undefined, depth: number): string {
  const name = /^[A-Za-z0-9_]+/.exec(inner)?.[0] ?? ''
  const value = valueFor(name) ?? ''
  const rest = inner.slice(name.length)
  if (rest === '') return printable(value)
  if (rest.startsWith('?')) {
    const [yes, no] = branches(rest.slice(1))
    return expandTemplate(value !== '' ? yes : no, valueFor, depth)
  }
  if (rest.startsWith(':'))
    return value === '' ? expandTemplate(unbraced(rest.slice(1)), valueFor, depth) : ''
  return ''
}

/** `{yes}:{no}`, or all of it. */
function branches(text: string): readonly [string, string] {
  const trimmed = text.trim()
  if (!trimmed.startsWith('{')) return [text, '']
  const end = closing(trimmed, 0)
  if (end === -1) return [text, '']
  const after = trimmed.slice(end + 1).trimStart()
  return [trimmed.slice(1, end), after.startsWith(':') ? unbraced(after.slice(1).trim()) : '']
}

function unbraced(text: string): string {
  const trimmed = text.trim()
  return trimmed.startsWith('{') && trimmed.endsWith('}') ? trimmed.slice(1, -1) : text
}

/** The bracket that closes the one at `start`. */
function closing(text: string, start: number): number {
  const open = text[start]
  const close = open === '{' ? '}' : ')'
  let depth = 0
  for (let i = start; i < text.length; i++) {
    if (text[i] === open) depth++
    if (text[i] === close && --depth === 0) return i
  }
  return -1
}
