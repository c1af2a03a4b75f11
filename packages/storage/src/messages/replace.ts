import { type AppendItem, type MailboxId, type Placed, StoreError, type Uid } from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import { checkQuota } from '../rows/usage-row.ts'
import { appendIn, loadOf, stagedItems } from './append.ts'
import { findPlacements, givenUids, openSelectable, removeMessages } from './place.ts'
import { placeAll } from './placing.ts'

/** RFC 8508 §3.4: the old message goes and the new one comes in one unit, or nothing happens. */
export const replace = async (
  engine: Engine,
  from: MailboxId,
  uid: Uid,
  to: MailboxId,
  item: AppendItem,
): Promise<Placed> => {
  const snapshot = snapshotOf(engine)
  const items = [item]
  const staged = stagedItems(engine, openSelectable(snapshot, to), items)
  return placeAll(engine, staged, (unit, blobIds) => {
    const source = openSelectable(unit, from)
    const old = findPlacements(unit, from, givenUids(Uint32Array.of(uid), source.state))
    if (old.length === 0)
      throw new StoreError('no-such-message', `Cannot replace message ${uid}: it does not exist`)
    removeMessages(unit, source, old, 'drop')
    // Opened after the removal: it may be the same mailbox; and the room of the old message counts.
    const target = openSelectable(unit, to)
    checkQuota(unit, target.facts.account, loadOf(items), engine)
    return appendIn(engine, unit, target, items, blobIds)[0] as Placed
  })
}
