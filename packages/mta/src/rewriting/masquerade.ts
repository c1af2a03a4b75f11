/** Hides the hosts of our domains: `u@host.example.org` → `u@example.org`. undefined: nothing to hide. */
export type Masquerade = (address: string) => string

/**
 * Postfix: masquerade_domains, masquerade_exceptions. The first domain that is the address's or a parent of
 * it decides; `!domain` leaves that domain and what is below it alone.
 */
export function createMasquerade(
  domains: readonly string[],
  exceptions: readonly string[],
): Masquerade | undefined {
  if (domains.length === 0) return undefined
  const spared = new Set(exceptions.map((name) => name.toLowerCase()))
  const rules = domains.map((text) => ({
    name: text.replace(/^!/, '').toLowerCase(),
    hides: !text.startsWith('!'),
  }))
  return (address) => {
    const at = address.lastIndexOf('@')
    if (at === -1) return address
    const domain = address.slice(at + 1).toLowerCase()
    if (spared.has(address.slice(0, at).toLowerCase())) return address
    const rule = rules.find(({ name }) => domain === name || domain.endsWith(`.${name}`))
    if (rule === undefined || !rule.hides || rule.name === domain) return address
    return `${address.slice(0, at)}@${rule.name}`
  }
}
