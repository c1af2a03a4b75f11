/** What is kept from a client that is known to fail at it, and what is done for it. */

/** Ways around a client's fault, by the names that imap_client_quirks gives them. */
export type Workaround = 'pause-after-idling' | 'fetch-without-news'

/** A rule of imap_client_quirks. */
export interface ClientQuirk {
  /** Patterns with `*` and `?`, in any case, for what the client says of itself (RFC 2971 §3.3). */
  readonly name: string
  /** undefined: whatever its version. */
  readonly version: string | undefined
  /** Upper case. */
  readonly withheld: readonly string[]
  readonly workarounds: readonly Workaround[]
}

/** What the rules say of one client. */
export interface ClientTreatment {
  readonly withheld: ReadonlySet<string>
  readonly workarounds: ReadonlySet<Workaround>
}

/** undefined: no rule fits. @param fields of the client's ID, names in lower case */
export function treatmentOf(
  fields: ReadonlyMap<string, string>,
  quirks: readonly ClientQuirk[],
): ClientTreatment | undefined {
  const name = fields.get('name') ?? ''
  const version = fields.get('version') ?? ''
  const known = quirks.filter(
    (quirk) => fits(name, quirk.name) && (quirk.version === undefined || fits(version, quirk.version)),
  )
  if (known.length === 0) return undefined
  return {
    withheld: new Set(known.flatMap(({ withheld }) => withheld)),
    workarounds: new Set(known.flatMap((quirk) => quirk.workarounds)),
  }
}

/** Costs text × pattern at most: a star is tried again only from where the last one stood. */
export function fits(text: string, pattern: string): boolean {
  const given = text.toLowerCase()
  const wanted = pattern.toLowerCase()
  let at = 0
  let to = 0
  let star = -1
  let from = 0
  while (at < given.length) {
    if (wanted[to] === '*') {
      star = to++
      from = at
    } else if (to < wanted.length && (wanted[to] === '?' || wanted[to] === given[at])) {
      at++
      to++
    } else if (star >= 0) {
      to = star + 1
      at = ++from
    } else return false
  }
  while (wanted[to] === '*') to++
  return to === wanted.length
}
