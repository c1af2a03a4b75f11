import type { ClientQuirk, Workaround } from '@posthorn/imap'

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

/**
 * Clients that are known to fail at something, and where that is on record. Short on purpose: RFC 2971 §3 does not
 * like it, and what a client does today it may not do tomorrow.
 *
 * - Microsoft Office 365 (what Outlook's cloud accounts connect with) enables UIDONLY and then fetches by sequence
 *   number, so that no message arrives: github.com/modern-email/defects/issues/49.
 * - Thunderbird (153) does not see news that it reads together with `+ idling`, logs out when other lines come
 *   before `+ idling` or between DONE and its answer (it takes one line at a time for the answer), and does not look
 *   at a message of which it hears while it fetches others.
 */
export const defaultQuirks: readonly ClientQuirk[] = [
  { name: 'Microsoft Office 365', version: undefined, withheld: ['UIDONLY'], workarounds: [] },
  {
    name: 'Thunderbird',
    version: undefined,
    withheld: [],
    workarounds: ['pause-after-idling', 'fetch-without-news'],
  },
]

/**
 * `default; Some Mail*: -MOVE; Other/1.*: -CONDSTORE pause-after-idling`: rules of a name, a version if it matters,
 * what is withheld and which ways around a fault are taken.
 * @throws Error naming the rule that cannot be read
 */
export function clientQuirks(parameter: string): readonly ClientQuirk[] {
  const rules = parameter
    .split(';')
    .map((rule) => rule.trim())
    .filter((rule) => rule !== '')
  return rules.flatMap((rule) => (rule === 'default' ? defaultQuirks : [quirk(rule)]))
}

const workarounds: readonly Workaround[] = ['pause-after-idling', 'fetch-without-news']

function quirk(rule: string): ClientQuirk {
  const end = rule.lastIndexOf(':')
  const client = rule.slice(0, Math.max(0, end)).trim()
  const words = rule
    .slice(end + 1)
    .split(/[\s,]+/)
    .filter((word) => word !== '')
  const taken = workarounds.filter((name) => words.includes(name))
  const withheld = words.filter((word) => /^-[!-~]+$/.test(word))
  if (client === '' || words.length === 0 || withheld.length + taken.length < words.length)
    throw new Error(
      `expected "name: -CAPABILITY …" or "name/version: -CAPABILITY …" (or ${workarounds.join(', ')}), found "${rule}"`,
    )
  const slash = client.lastIndexOf('/')
  return {
    name: slash < 0 ? client : client.slice(0, slash).trim(),
    version: slash < 0 ? undefined : client.slice(slash + 1).trim(),
    withheld: withheld.map((word) => word.slice(1).toUpperCase()),
    workarounds: taken,
  }
}
