export interface UidList {
  readonly uidValidity: number
  readonly uidNext: number
  /** By the base of the file's name. */
  readonly uids: ReadonlyMap<string, number>
  readonly pop3Ids: ReadonlyMap<string, string>
  readonly guids: ReadonlyMap<string, string>
}

/**
 * `dovecot-uidlist`, version 3 (and 1): `3 V1275660208 N25022 G…`, then
 * `25006 PUID17-1300000000 W2481 :1276528487.M364837P9451…`.
 */
export function parseDovecotUidList(text: string): UidList | undefined {
  const lines = text.split('\n')
  const head = (lines[0] ?? '').split(' ')
  const field = (letter: string) => head.find((word) => word.startsWith(letter))?.slice(1)
  const [uidValidity, uidNext] =
    head[0] === '3' ? [field('V'), field('N')] : head[0] === '1' ? [head[1], head[2]] : []
  const found: Found = { uids: new Map(), pop3Ids: new Map(), guids: new Map() }
  for (const line of lines.slice(1)) takeLine(found, line, head[0] === '3' ? ' :' : ' ')
  return uidList(uidValidity, uidNext, found)
}

interface Found {
  readonly uids: Map<string, number>
  readonly pop3Ids: Map<string, string>
  readonly guids: Map<string, string>
}

/** UID, what is known of the message, each word beginning with its letter, and the file's name. */
function takeLine({ uids, pop3Ids, guids }: Found, line: string, beforeName: string): void {
  const at = line.indexOf(beforeName)
  const [uid = '', ...words] = line.slice(0, Math.max(0, at)).split(' ')
  if (!/^\d{1,10}$/.test(uid)) return
  const base = baseOf(line.slice(at + beforeName.length))
  if (base === '') return
  uids.set(base, Number(uid))
  for (const word of words) {
    if (word.startsWith('P')) pop3Ids.set(base, word.slice(1))
    else if (word.startsWith('G')) guids.set(base, word.slice(1))
  }
}

/** `courierimapuiddb`: `1 UIDVALIDITY UIDNEXT` (some versions without the 1), then `UID FILE`. */
export function parseCourierUidList(text: string): UidList | undefined {
  const lines = text.split('\n')
  const head = (lines[0] ?? '').trim().split(/ +/)
  const [uidValidity, uidNext] = head.length >= 3 ? head.slice(1) : head
  const uids = new Map<string, number>()
  for (const line of lines.slice(1)) {
    const blank = line.indexOf(' ')
    const uid = Number(line.slice(0, Math.max(0, blank)))
    if (blank > 0 && Number.isInteger(uid)) uids.set(baseOf(line.slice(blank + 1)), uid)
  }
  return uidList(uidValidity, uidNext, { uids, pop3Ids: new Map(), guids: new Map() })
}

const baseOf = (name: string): string => name.split(':2,')[0] as string

/** Above this the gaps between UIDs would cost more than fresh UIDs do. */
const maxUid = 50_000_000

function uidList(
  uidValidity: string | undefined,
  uidNext: string | undefined,
  found: Found,
): UidList | undefined {
  const validity = Number(uidValidity)
  if (!Number.isInteger(validity) || validity < 1 || validity > 0xffff_ffff) return undefined
  let highest = 0
  for (const uid of found.uids.values()) highest = Math.max(highest, uid)
  const next = Math.max(Number.isInteger(Number(uidNext)) ? Number(uidNext) : 1, highest + 1, 1)
  return next > maxUid ? undefined : { uidValidity: validity, uidNext: next, ...found }
}

/** For an export: what `parseDovecotUidList` reads. */
export function formatDovecotUidList(list: {
  readonly uidValidity: number
  readonly uidNext: number
  readonly files: readonly (readonly [uid: number, base: string, pop3Id: string | undefined])[]
}): string {
  const lines = list.files.map(
    ([uid, base, pop3Id]) => `${uid} ${pop3Id === undefined ? '' : `P${pop3Id} `}:${base}\n`,
  )
  return `3 V${list.uidValidity} N${list.uidNext}\n${lines.join('')}`
}
