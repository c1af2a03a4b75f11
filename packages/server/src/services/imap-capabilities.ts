/** What IMAP announces, by imap_capability and imap_client_quirks. */

export interface AnnouncedCapabilities {
  /** Upper case. */
  readonly withheld: ReadonlySet<string>
  readonly announcedOnly: ReadonlySet<string> | undefined
  readonly announcedToo: readonly string[]
}

/**
 * Dovecot: imap_capability. `+X Y` adds, `-X` withholds, and a list that begins with neither replaces ours: of it
 * is announced what we can.
 */
export function announcedCapabilities(parameter: string): AnnouncedCapabilities {
  const withheld = new Set<string>()
  const added: string[] = []
  const listed: string[] = []
  let plain = listed
  for (const word of parameter.split(/[\s,]+/)) {
    if (word.startsWith('-')) withheld.add(word.slice(1).toUpperCase())
    else if (word.startsWith('+')) {
      // Dovecot's sign stands before the first of several.
      plain = added
      if (word.length > 1) added.push(word.slice(1))
    } else if (word !== '') plain.push(word)
  }
  const announcedOnly = listed.length === 0 ? undefined : new Set([...listed, ...added].map(upperCase))
  return { withheld, announcedOnly, announcedToo: added }
}

const upperCase = (name: string): string => name.toUpperCase()

export interface Quirk {
  readonly name: string
  readonly version: string | undefined
  readonly withheld: readonly string[]
}

/**
 * Clients that are known to fail at something, and where that is on record. Short on purpose: RFC 2971 §3 does not
 * like it, and what a client does today it may not do tomorrow.
 *
 * - Microsoft Office 365 (what Outlook's cloud accounts connect with) enables UIDONLY and then fetches by sequence
 *   number, so that no message arrives: github.com/modern-email/defects/issues/49.
 */
export const defaultQuirks: readonly Quirk[] = [
  { name: 'Microsoft Office 365', version: undefined, withheld: ['UIDONLY'] },
]

/**
 * `default; Some Mail*: -MOVE; Other/1.*: -CONDSTORE -QRESYNC`: rules of a name, a version if it matters, and what
 * is withheld.
 * @throws Error naming the rule that cannot be read
 */
export function clientQuirks(parameter: string): readonly Quirk[] {
  const rules = parameter
    .split(';')
    .map((rule) => rule.trim())
    .filter((rule) => rule !== '')
  return rules.flatMap((rule) => (rule === 'default' ? defaultQuirks : [quirk(rule)]))
}

function quirk(rule: string): Quirk {
  const end = rule.lastIndexOf(':')
  const client = rule.slice(0, Math.max(0, end)).trim()
  const words = rule
    .slice(end + 1)
    .split(/[\s,]+/)
    .filter((word) => word !== '')
  if (client === '' || words.length === 0 || !words.every((word) => /^-[!-~]+$/.test(word)))
    throw new Error(`expected "name: -CAPABILITY …" or "name/version: -CAPABILITY …", found "${rule}"`)
  const slash = client.lastIndexOf('/')
  return {
    name: slash < 0 ? client : client.slice(0, slash).trim(),
    version: slash < 0 ? undefined : client.slice(slash + 1).trim(),
    withheld: words.map((word) => word.slice(1).toUpperCase()),
  }
}
