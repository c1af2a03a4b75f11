import { systemFlag } from '@posthorn/storage'

/** Letters after `:2,` of a file in `cur` (cr.yp.to/proto/maildir.html, Dovecot: keywords a to z). */
const letters: readonly (readonly [letter: string, flag: number])[] = [
  ['D', systemFlag.draft],
  ['F', systemFlag.flagged],
  ['R', systemFlag.answered],
  ['S', systemFlag.seen],
  ['T', systemFlag.deleted],
]

export interface MaildirName {
  /** Up to the colon: the same as long as the message lives. */
  readonly base: string
  readonly system: number
  /** Numbers of `dovecot-keywords`. */
  readonly keywordSlots: readonly number[]
  /** `,S=`: octets, as Dovecot and Courier write them. */
  readonly sizeBytes: number | undefined
}

export function parseMaildirName(name: string): MaildirName {
  const colon = name.lastIndexOf(':2,')
  const base = colon < 0 ? name : name.slice(0, colon)
  const info = colon < 0 ? '' : (name.slice(colon + 3).split(',')[0] ?? '')
  let system = 0
  for (const [letter, flag] of letters) if (info.includes(letter)) system |= flag
  const size = /,S=(\d{1,12})(?:,|$)/.exec(base)
  return {
    base,
    system,
    keywordSlots: Array.from(info)
      .filter((letter) => letter >= 'a' && letter <= 'z')
      .map((letter) => letter.charCodeAt(0) - 97),
    sizeBytes: size === null ? undefined : Number(size[1]),
  }
}

/** `:2,FS` with what the slots hold; the letters in ASCII order, as readers expect them. */
export function formatMaildirFlags(system: number, keywordSlots: readonly number[]): string {
  const upper = letters.filter(([, flag]) => (system & flag) !== 0).map(([letter]) => letter)
  const lower = keywordSlots.filter((slot) => slot < 26).map((slot) => String.fromCharCode(97 + slot))
  return `:2,${upper.join('')}${lower.sort().join('')}`
}
