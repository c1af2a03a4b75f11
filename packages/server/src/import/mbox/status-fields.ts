import { headerFields, unfold } from '@posthorn/mail'
import { systemFlag } from '@posthorn/storage'

/** Fields in which mailbox files keep what is no part of the message: mbox(5), Dovecot, Pine, Thunderbird. */
const statusNames = [
  'status',
  'x-status',
  'x-keywords',
  'x-uid',
  'x-imap',
  'x-imapbase',
  'x-mozilla-status',
  'x-mozilla-status2',
  'x-mozilla-keys',
  'content-length',
]

const statusLetters: Readonly<Record<string, number>> = {
  R: systemFlag.seen,
  A: systemFlag.answered,
  F: systemFlag.flagged,
  D: systemFlag.deleted,
  T: systemFlag.draft,
}
const mozillaFlags = [
  [0x1, systemFlag.seen],
  [0x2, systemFlag.answered],
  [0x4, systemFlag.flagged],
] as const
const mozillaExpunged = 0x8

export interface MboxStatus {
  readonly system: number
  readonly keywords: readonly string[]
  /** Pine's and Dovecot's message of the folder itself, and what Thunderbird has not compacted yet. */
  readonly noMessage: boolean
  /** X-UID. */
  readonly uid: number | undefined
  /** X-IMAPbase, or X-IMAP of the folder's own message: of the whole file. */
  readonly base: { readonly uidValidity: number; readonly lastUid: number } | undefined
  /** The header block without these fields. */
  readonly header: Buffer
}

export function readStatusFields(header: Buffer): MboxStatus {
  const values = new Map<string, string>()
  const kept: Buffer[] = []
  let from = 0
  for (const { name, rawValue, start, end } of headerFields(header)) {
    const key = name.toLowerCase()
    if (!statusNames.includes(key)) continue
    if (!values.has(key)) values.set(key, unfold(rawValue))
    kept.push(header.subarray(from, start))
    from = end
  }
  kept.push(header.subarray(from))
  if (values.size === 0) return plain(header)
  const mozilla = Number.parseInt(values.get('x-mozilla-status') ?? '0', 16) || 0
  let system = 0
  for (const letter of `${values.get('status') ?? ''}${values.get('x-status') ?? ''}`)
    system |= statusLetters[letter] ?? 0
  for (const [bit, flag] of mozillaFlags) if ((mozilla & bit) !== 0) system |= flag
  return {
    system,
    keywords: `${values.get('x-keywords') ?? ''} ${values.get('x-mozilla-keys') ?? ''}`
      .split(/[ ,]+/)
      .filter(isKeyword),
    noMessage: (mozilla & mozillaExpunged) !== 0 || (values.has('x-imap') && isFolderNote(header)),
    uid: number32(values.get('x-uid')),
    base: baseOf(values.get('x-imapbase') ?? values.get('x-imap') ?? ''),
    header: Buffer.concat(kept),
  }
}

/** `1132840013 0000000007 $Forwarded Work`; the keywords stand with the messages, too. */
function baseOf(text: string): MboxStatus['base'] {
  const [validity, last] = text.trim().split(/\s+/)
  const uidValidity = number32(validity)
  const lastUid = number32(last, 0)
  return uidValidity === undefined || lastUid === undefined ? undefined : { uidValidity, lastUid }
}

function number32(text: string | undefined, least = 1): number | undefined {
  const digits = text?.trim() ?? ''
  if (!/^\d{1,10}$/.test(digits)) return undefined
  const number = Number(digits)
  return number < least || number > 0xffff_ffff ? undefined : number
}

const plain = (header: Buffer): MboxStatus => ({
  system: 0,
  keywords: [],
  noMessage: false,
  uid: undefined,
  base: undefined,
  header,
})

const isFolderNote = (header: Buffer): boolean =>
  header.includes("Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA")

/** RFC 9051 §9: an atom. */
const isKeyword = (word: string): boolean => /^[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|~]{1,100}$/.test(word)
