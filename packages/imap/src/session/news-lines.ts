import { maxKeywords } from '@posthorn/storage'
import { flagMask } from '../commands/flag-rights.ts'
import { systemFlagNames } from '../wire/flags.ts'
import { formatNumbers } from '../wire/number-set.ts'
import type { News } from './news.ts'
import type { OpenMailbox } from './open-mailbox.ts'

const linesAtOnce = 500
const everyFlag = { system: ~0, keywords: 'all' } as const

export interface NewsForm {
  /** CONDSTORE. */
  readonly modSeq: boolean
  /** QRESYNC, UIDONLY. */
  readonly vanished: boolean
  /** RFC 9586. */
  readonly uidOnly: boolean
}

/** The untagged responses that tell `news`, in pieces that fit a write. RFC 9051 §7.4.1, §7.5.1, §7.5.2. */
export function* newsLines(mailbox: OpenMailbox, news: News, enabled: NewsForm): Generator<string> {
  if (news.expunged !== undefined) {
    if (enabled.vanished) yield `* VANISHED ${formatNumbers(news.expunged.uids)}\r\n`
    else yield* expungeLines(news.expunged.sequence)
  }
  const exists = news.exists === undefined ? '' : `* ${news.exists} EXISTS\r\n`
  // RFC 3501 §7.3.2, as RFC 9051 Appendix E, 12 leaves it.
  const toldRecent = news.recent !== undefined && !mailbox.ignoresRecent
  const recent = toldRecent ? `* ${news.recent} RECENT\r\n` : ''
  if (exists !== '' || recent !== '') yield exists + recent
  yield* flagLines(mailbox, news, enabled)
  // RFC 7162 §3.1.2.1: new mail tells no MODSEQ of its own. Before all expunges are told the client would miss them.
  if (news.exists !== undefined && enabled.modSeq && !mailbox.holdsExpunged)
    yield `* OK [HIGHESTMODSEQ ${mailbox.modSeq}] Highest\r\n`
}

/** Downwards, so that no line changes the meaning of the next. */
function* expungeLines(sequence: Uint32Array): Generator<string> {
  let lines = ''
  for (let at = sequence.length - 1; at >= 0; at--) {
    lines += `* ${sequence[at]} EXPUNGE\r\n`
    if (at % linesAtOnce === 0) {
      yield lines
      lines = ''
    }
  }
}

function* flagLines(mailbox: OpenMailbox, news: News, { modSeq, uidOnly }: NewsForm): Generator<string> {
  const { uids, flags0, flags1, modSeqs } = news.changed
  const texts = mailbox.flagTexts
  let lines = ''
  let count = 0
  for (const place of news.places) {
    const uid = uids[place]!
    const sequence = mailbox.sequenceOf(uid)
    if (sequence === 0) continue
    const recent = mailbox.isRecent(uid) ? 'recent' : 'seen-before'
    const flags = texts.list(flags0[place]!, flags1[place]!, recent)
    const tail = modSeq ? ` MODSEQ (${modSeqs[place]})` : ''
    const head = uidOnly ? `${uid} UIDFETCH (` : `${sequence} FETCH (UID ${uid} `
    lines += `* ${head}FLAGS ${flags}${tail})\r\n`
    if (++count % linesAtOnce === 0) {
      yield lines
      lines = ''
    }
  }
  if (lines !== '') yield lines
}

/** FLAGS and PERMANENTFLAGS. RFC 9051 §7.3.5, §7.1. */
export function keywordLines(mailbox: Pick<OpenMailbox, 'keywords' | 'access' | 'rights'>): string {
  const keywords = mailbox.keywords.filter((name) => name !== '')
  const names = [...systemFlagNames.map(([, name]) => name), ...keywords]
  // RFC 4314 §5.1.1: what this user may change.
  const { system, keywords: others } = flagMask(mailbox.rights) ?? everyFlag
  const changeable = [
    ...systemFlagNames.filter(([bit]) => (system & bit) !== 0).map(([, name]) => name),
    ...(others === 'all' ? keywords : []),
    // RFC 9051 §7.1: not where no other would find room.
    ...(others === 'all' && keywords.length < maxKeywords ? ['\\*'] : []),
  ]
  const permanent =
    mailbox.access === 'read-only'
      ? '* OK [PERMANENTFLAGS ()] Read-only mailbox.\r\n'
      : `* OK [PERMANENTFLAGS (${changeable.join(' ')})] Flags permitted.\r\n`
  return `* FLAGS (${names.join(' ')})\r\n${permanent}`
}
