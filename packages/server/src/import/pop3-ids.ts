/** POP3 identifiers of the server before this one: clients that know them do not download everything again. */
import { compileUidlFormat, namesMessages } from '@posthorn/pop3/uidl'
import type { BringOptions } from './bring-messages.ts'
import type { SourceMailbox, SourceMessage } from './source.ts'

/** RFC 1939 §7. */
const idPattern = /^[\x21-\x7e]{1,70}$/

type Numbers = SourceMailbox['numbers']

/**
 * Keeps, with each message brought into INBOX, the identifier it had there: what the source says, else what
 * `pop3_uidl_format` made of its numbers there. Where the format makes the same here nothing is kept.
 */
export async function keepPop3Ids(
  { store, ledger, mailbox }: Pick<BringOptions, 'store' | 'ledger' | 'mailbox'>,
  messages: readonly SourceMessage[],
  numbers: Numbers,
  uidlFormat: string,
): Promise<void> {
  if (mailbox.name !== 'INBOX') return
  const idOf = idsThere(uidlFormat, numbers)
  const format = compileUidlFormat(uidlFormat)
  const isMadeHere = (uid: number, id: string): boolean =>
    namesMessages(uidlFormat) === undefined && format(uid, mailbox.uidValidity, '') === id
  const brought = ledger.brought(mailbox.name, mailbox.uidValidity)
  const kept = await store.mailboxes.uniqueIds(mailbox.id)
  const taken = new Set(kept.values())
  const fresh = new Map<number, string>()
  for (const message of messages) {
    const uid = brought.get(message.key)?.uid
    if (uid === undefined || kept.has(uid)) continue
    const id = idOf(message)
    if (id === undefined || !idPattern.test(id) || taken.has(id) || isMadeHere(uid, id)) continue
    taken.add(id)
    fresh.set(uid, id)
  }
  if (fresh.size > 0) await store.mailboxes.keepUniqueIds(mailbox.id, fresh)
}

function idsThere(uidlFormat: string, numbers: Numbers): (message: SourceMessage) => string | undefined {
  const format = compileUidlFormat(uidlFormat)
  const named = namesMessages(uidlFormat)
  return ({ pop3Id, uid, fileName, guid }) => {
    if (pop3Id !== undefined) return pop3Id
    const globalId = named === undefined ? '' : named === 'file' ? fileName : guid
    return uid === undefined || numbers === undefined || globalId === undefined
      ? undefined
      : format(uid, numbers.uidValidity, globalId)
  }
}
