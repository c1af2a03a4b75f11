import { Refusal } from '../errors.ts'
import { command, ok } from './command.ts'
import { copyUid, keepOwnFromNews, nothingFound } from './copy.ts'
import { noPermission, targetMailbox } from './find-mailbox.ts'
import { flagMask } from './flag-rights.ts'

/** MOVE and UID MOVE. RFC 6851, RFC 9051 §6.4.8: COPYUID untagged, before the EXPUNGEs. */
export const move = command({
  name: 'MOVE',
  states: ['selected'],
  numbers: 'uses',
  capabilities: ['MOVE'],
  args: (p) => ({ set: p.sp().numberSet(), name: p.sp().mailbox() }),
  async run(session, { set, name }) {
    const { mailbox } = session
    if (mailbox.access === 'read-only') throw new Refusal('READ-ONLY', 'Mailbox is read-only')
    // RFC 6851 §4.2: as STORE, COPY and EXPUNGE.
    if (!mailbox.may('t') || !mailbox.may('e')) throw noPermission()
    const uids = session.uids(set)
    if (uids.length === 0) return ok('No messages found')
    const { mailbox: target, rights } = await targetMailbox(session, name)
    const { signal } = session
    const { messages } = session.store
    const moved = await messages.move(mailbox.id, uids, target.id, flagMask(rights), signal)
    await keepOwnFromNews(session, target.id, moved)
    if (moved.from.length === 0) return nothingFound(session)
    const code = copyUid(moved, rights)
    if (code !== undefined) session.untagged(`OK [${code}] Moved UIDs.`)
    mailbox.suspect()
    await session.sendNews('send')
    // RFC 6851 §3.3: it may fail partway, and the client knows which messages were moved.
    if (moved.leftCount > 0) throw signal.reason
    return ok('Move completed', session.enabled('CONDSTORE') ? `HIGHESTMODSEQ ${mailbox.modSeq}` : undefined)
  },
})
