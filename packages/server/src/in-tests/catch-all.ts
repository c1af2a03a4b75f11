/**
 * Parameters with which whatever is for none of the accounts, in whatever domain, goes to one of them. Postfix:
 * virtual_alias_maps.
 * @param accounts `local@domain`
 */
export function withCatchAll(
  parameters: Readonly<Record<string, string>>,
  catchAll: string,
  accounts: Iterable<string>,
): Readonly<Record<string, string>> {
  const known = [...accounts].map(pattern).join('|')
  const rest = `regexp:{{!/^(${known})$$/ ${catchAll}}}`
  const { virtual_alias_maps: before = '' } = parameters
  return { ...parameters, virtual_alias_maps: `${before} ${rest}`.trimStart() }
}

/** Of an account's address, with whatever extension. */
function pattern(address: string): string {
  const at = address.lastIndexOf('@')
  const [local, domain] = [address.slice(0, at), address.slice(at + 1)].map(literal)
  return `${local}([+].*)?@${domain}`
}

/** What neither a pattern nor main.cf takes for anything else. */
const literal = (text: string): string =>
  text.replace(/[^A-Za-z0-9_-]/g, (char) => (char === '.' ? '[.]' : '.'))
