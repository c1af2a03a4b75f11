import type { Copied } from '../contract.ts'
import type { Engine } from '../engine.ts'
import type { Unit } from '../kv/unit.ts'
import { findPlacements, givenUids, openSelectable } from '../messages/place.ts'
import { copyIn, referAgain, type Transfer, translated } from '../messages/transfer.ts'
import { beginStaging, publishStaged, type StagingArea, stage, takeBackStaged } from './staging-area.ts'

/**
 * RFC 9051 §6.4.7: all or nothing. Copies of many messages are staged step by step above the UIDs that the mailbox
 * has given, where nobody sees them; one small unit makes them part of it.
 */
export const copyInSteps = async (
  engine: Engine,
  transfer: Transfer,
  signal?: AbortSignal,
): Promise<Copied> => {
  const { stepMessages } = engine
  if (transfer.uids.length <= stepMessages) return engine.commit.run((unit) => copyIn(engine, unit, transfer))
  const area = await beginStaging(engine, transfer.to, transfer.uids.length, signal)
  const from: number[] = []
  const to: number[] = []
  const decided = new Set<number>()
  try {
    for (let at = 0; at < transfer.uids.length; at += stepMessages) {
      signal?.throwIfAborted()
      const part = { ...transfer, uids: transfer.uids.subarray(at, at + stepMessages) }
      const copied = await engine.commit.runPart(
        (unit) => stageCopies(engine, unit, part, area, decided),
        'uses',
      )
      for (const uid of copied.from) from.push(uid)
      for (const uid of copied.to) to.push(uid)
    }
    signal?.throwIfAborted()
    const { uidValidity, uidsLower } = await engine.commit.run((unit) => publishStaged(engine, unit, area))
    return { uidValidity, from: Uint32Array.from(from), to: Uint32Array.from(to, (uid) => uid - uidsLower) }
  } catch (error) {
    await takeBackStaged(engine, area)
    throw error
  }
}

const stageCopies = (
  engine: Engine,
  unit: Unit,
  transfer: Transfer,
  area: StagingArea,
  decided: Set<number>,
): Pick<Copied, 'from' | 'to'> => {
  const source = openSelectable(unit, transfer.from)
  const found = findPlacements(unit, transfer.from, givenUids(transfer.uids, source.state))
  referAgain(engine, unit, found, decided)
  const placed = stage(engine, unit, area, translated(unit, engine, transfer, found))
  return {
    from: Uint32Array.from(found, ({ uid }) => uid),
    to: Uint32Array.from(placed, ({ uid }) => uid),
  }
}
