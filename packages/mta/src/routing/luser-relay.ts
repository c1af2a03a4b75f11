import type { LocalName } from './reach.ts'

/** A name that cannot be taken for anything but a name when it stands in an address. */
const plainName = /^[A-Za-z0-9][A-Za-z0-9._+=~-]{0,63}$/

/**
 * The address that luser_relay gives for an unknown user: `$user`, `$local`, `$extension`, `$domain`,
 * `$recipient`, `$recipient_delimiter`, with `${name?text}` and `${name:text}`. undefined: no luser_relay, or
 * a name that is no plain word. Postfix: luser_relay, local(8).
 */
export function luserRelayAddress(
  template: string,
  local: LocalName,
  address: string,
  delimiter: string,
): string | undefined {
  if (template === '' || !plainName.test(local.name)) return undefined
  const domain = address.slice(address.lastIndexOf('@') + 1)
  const values: Readonly<Record<string, string>> = {
    user: local.user,
    local: local.name,
    extension: local.extension ?? '',
    domain,
    recipient: `${local.name}@${domain}`,
    recipient_delimiter: local.extension === undefined ? '' : (local.name[local.user.length] ?? delimiter),
  }
  return template.replace(
    /\$(?:(\w+)|[{(](\w+)(?:([?:])([^{}()]*))?[)}])/g,
    (_, bare: string | undefined, name: string | undefined, test: string | undefined, text: string) => {
      const value = values[bare ?? name ?? ''] ?? ''
      if (test === undefined) return value
      const wanted = test === '?' ? value !== '' : value === ''
      return wanted ? text.replace(/\$(\w+)/g, (_whole, inner: string) => values[inner] ?? '') : ''
    },
  )
}
