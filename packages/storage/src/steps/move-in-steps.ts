import type { Copied, ModSeq, Moved } from '../contract.ts'
import type { Engine } from '../engine.ts'
import { snapshotOf } from '../engine.ts'
import type { Snapshot, Unit } from '../kv/unit.ts'
import { findPlacements, givenUids, openMailbox, openSelectable } from '../messages/place.ts'
import { loadOf, moveIn, type Transfer } from '../messages/transfer.ts'
import { chunkRows, decodeChunk } from '../rows/chunk.ts'
import { readMailboxState } from '../rows/mailbox-row.ts'
import { readUnfinished, removeUnfinished } from '../rows/unfinished-row.ts'
import { checkQuota } from '../rows/usage-row.ts'

type MovedSlice = Copied & { readonly modSeq: ModSeq }

/** RFC 6851 §3.3: each message is moved or left as it is; of many a part in each step. */
export const moveInSteps = async (
  engine: Engine,
  transfer: Transfer,
  signal?: AbortSignal,
): Promise<Moved> => {
  const { uids } = transfer
  const { stepMessages } = engine
  const moveSlice = (from: number): Promise<MovedSlice> => {
    const slice = { ...transfer, uids: uids.subarray(from, from + stepMessages) }
    const work = (unit: Unit) => moveIn(engine, unit, slice)
    return from + stepMessages < uids.length ? engine.commit.runPart(work, 'uses') : engine.commit.run(work)
  }
  if (uids.length <= stepMessages) return { ...(await moveSlice(0)), leftCount: 0 }
  refuseTooMuch(engine, snapshotOf(engine), transfer)
  const from: number[] = []
  const to: number[] = []
  let last = await moveSlice(0)
  let at = stepMessages
  for (; ; at += stepMessages) {
    for (const uid of last.from) from.push(uid)
    for (const uid of last.to) to.push(uid)
    if (at >= uids.length || signal?.aborted === true) break
    last = await moveSlice(at)
  }
  const leftCount = Math.max(0, uids.length - at)
  // What the client is told of is on disk.
  if (leftCount > 0) await engine.commit.run(() => {})
  return { ...last, from: Uint32Array.from(from), to: Uint32Array.from(to), leftCount }
}

/** What cannot be moved as a whole is not begun. */
const refuseTooMuch = (engine: Engine, snapshot: Snapshot, { from, uids, to }: Transfer): void => {
  const source = openSelectable(snapshot, from)
  const target = openSelectable(snapshot, to)
  if (source.facts.account === target.facts.account) return
  const all = { sizeBytes: source.state.sizeBytes, messages: source.state.messages }
  try {
    checkQuota(snapshot, target.facts.account, all, engine)
  } catch {
    const load = loadOf(findPlacements(snapshot, from, givenUids(uids, source.state)))
    checkQuota(snapshot, target.facts.account, load, engine)
  }
}

/** One step of what a 'filling' row says. */
export const fillStep = (engine: Engine, unit: Unit, mailbox: number): 'more' | 'done' => {
  const work = readUnfinished(unit, mailbox)
  if (work?.kind !== 'filling' || work.owner !== engine.self.token) return 'done'
  const { from, belowUid } = work
  const isThere = readMailboxState(unit, from) !== undefined
  const uids = isThere ? firstUids(engine, unit, from, belowUid) : []
  if (uids.length === 0) {
    removeUnfinished(unit, mailbox)
    return 'done'
  }
  moveIn(engine, unit, { from, uids: Uint32Array.from(uids), to: mailbox })
  return 'more'
}

const firstUids = (engine: Engine, unit: Unit, mailbox: number, belowUid: number): number[] => {
  const found: number[] = []
  const { state } = openMailbox(unit, mailbox)
  const last = Math.min(belowUid, state.uidNext) - 1
  for (const { chunk, bytes } of chunkRows(unit, mailbox, 0, last)) {
    for (const { uid } of decodeChunk(chunk, bytes)) if (uid <= last) found.push(uid)
    if (found.length >= engine.stepMessages) break
  }
  return found
}
