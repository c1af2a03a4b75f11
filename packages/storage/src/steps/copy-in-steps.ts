import { randomBytes } from 'node:crypto'
import { type Copied, StoreError } from '../contract.ts'
import type { Engine } from '../engine.ts'
import type { Unit } from '../kv/unit.ts'
import { count, findPlacements, givenUids, maxUid, openSelectable, saveMailbox } from '../messages/place.ts'
import { copyIn, loadOf, referAgain, type Transfer, translated } from '../messages/transfer.ts'
import { addPlacements, chunkShift } from '../rows/chunk.ts'
import { writeMailboxState } from '../rows/mailbox-row.ts'
import { readUnfinished, removeUnfinished, type Staging, writeUnfinished } from '../rows/unfinished-row.ts'
import { addUsage, checkQuota } from '../rows/usage-row.ts'

/** Some milliseconds. */
export const usualStepMessages = 384
/** UIDs that are left for what comes into the mailbox meanwhile. */
const spareUids = 65_536
/** So that copies have a greater MODSEQ than all that is changed meanwhile. */
const spareModSeqs = 1_000_000
const lookAgainMs = 20

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
  const id = randomBytes(6).readUIntBE(0, 6)
  await begin(engine, transfer, id, signal)
  const from: number[] = []
  const to: number[] = []
  const decided = new Set<number>()
  try {
    for (let at = 0; at < transfer.uids.length; at += stepMessages) {
      signal?.throwIfAborted()
      const part = { ...transfer, uids: transfer.uids.subarray(at, at + stepMessages) }
      const copied = await engine.commit.runPart((unit) => stage(engine, unit, part, id, decided), 'uses')
      for (const uid of copied.from) from.push(uid)
      for (const uid of copied.to) to.push(uid)
    }
    signal?.throwIfAborted()
    const uidValidity = await engine.commit.run((unit) => publish(engine, unit, transfer.to, id))
    return { uidValidity, from: Uint32Array.from(from), to: Uint32Array.from(to) }
  } catch (error) {
    await takeBack(engine, transfer.to, id)
    throw error
  }
}

/** One at a time stages copies in a mailbox. */
const begin = async (
  engine: Engine,
  transfer: Transfer,
  id: number,
  signal: AbortSignal | undefined,
): Promise<void> => {
  while (!(await engine.commit.run((unit) => beginIn(engine, unit, transfer, id)))) {
    signal?.throwIfAborted()
    await engine.unfinished.takeUp()
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs))
  }
}

/** False while other work on the target is not finished. */
const beginIn = (engine: Engine, unit: Unit, transfer: Transfer, id: number): boolean => {
  openSelectable(unit, transfer.from)
  const { facts, state } = openSelectable(unit, transfer.to)
  if (readUnfinished(unit, transfer.to) !== undefined) return false
  const most = transfer.uids.length
  const room = Math.floor((maxUid - state.uidNext - most) / 2)
  if (room < 2 ** chunkShift)
    throw new StoreError('limit', `Cannot add to mailbox "${facts.name}": no UIDs are left`)
  const first = wholeChunk(state.uidNext + Math.min(spareUids, room))
  writeMailboxState(unit, transfer.to, { ...state, stagedFrom: first })
  writeUnfinished(unit, transfer.to, {
    kind: 'staging',
    owner: engine.self.token,
    id,
    nextUid: first,
    modSeq: state.highestModSeq + spareModSeqs,
    messages: 0,
    unseen: 0,
    deleted: 0,
    sizeBytes: 0,
  })
  return true
}

const wholeChunk = (uid: number): number => ((uid >>> chunkShift) + 1) * 2 ** chunkShift

/** Throws when it was given up by others: the mailbox was removed. */
const ownStaging = (unit: Unit, mailbox: number, id: number): Staging => {
  const work = readUnfinished(unit, mailbox)
  if (work?.kind === 'staging' && work.id === id) return work
  throw new StoreError('no-such-mailbox', `Cannot copy to mailbox ${mailbox}: it is gone`)
}

const stage = (
  engine: Engine,
  unit: Unit,
  transfer: Transfer,
  id: number,
  decided: Set<number>,
): Pick<Copied, 'from' | 'to'> => {
  const source = openSelectable(unit, transfer.from)
  const target = openSelectable(unit, transfer.to)
  const staging = ownStaging(unit, transfer.to, id)
  const found = findPlacements(unit, transfer.from, givenUids(transfer.uids, source.state))
  const load = loadOf(found)
  const sizeBytes = staging.sizeBytes + load.sizeBytes
  const messages = staging.messages + load.messages
  checkQuota(unit, target.facts.account, { sizeBytes, messages }, engine)
  referAgain(engine, unit, found, decided)
  const entering = translated(unit, engine, transfer, found)
  const { modSeq } = staging
  const placed = entering.map((each, index) => ({ ...each, uid: staging.nextUid + index, modSeq }))
  const counts = { unseen: staging.unseen, deleted: staging.deleted }
  for (const { flags0 } of placed) count(counts, flags0, 1)
  addPlacements(unit, transfer.to, placed)
  const nextUid = staging.nextUid + placed.length
  writeUnfinished(unit, transfer.to, { ...staging, ...counts, nextUid, messages, sizeBytes })
  return {
    from: Uint32Array.from(found, ({ uid }) => uid),
    to: Uint32Array.from(placed, ({ uid }) => uid),
  }
}

/** However many they are: a few rows. */
const publish = (engine: Engine, unit: Unit, mailbox: number, id: number): number => {
  const target = openSelectable(unit, mailbox)
  const { facts, state } = target
  const staging = ownStaging(unit, mailbox, id)
  if (staging.modSeq <= state.highestModSeq)
    throw new StoreError('in-use', `Cannot copy to mailbox "${facts.name}": it changes too fast`)
  checkQuota(unit, facts.account, staging, engine)
  removeUnfinished(unit, mailbox)
  state.stagedFrom = 0
  if (staging.messages > 0) {
    state.uidNext = staging.nextUid
    state.highestModSeq = staging.modSeq
    state.messages += staging.messages
    state.unseen += staging.unseen
    state.deleted += staging.deleted
    state.sizeBytes += staging.sizeBytes
    addUsage(unit, facts.account, staging.sizeBytes, staging.messages)
  }
  saveMailbox(unit, target)
  return facts.uidValidity
}

/** What was staged is cleared in the background; when not even that can be noted, whoever takes up later does it. */
const takeBack = async (engine: Engine, mailbox: number, id: number): Promise<void> => {
  const noted = engine.commit.runFreeing((unit) => {
    const work = readUnfinished(unit, mailbox)
    if (work?.kind === 'staging' && work.id === id) giveUpStaging(unit, mailbox)
  })
  await noted.then(
    () => engine.unfinished.clear(mailbox),
    () => {},
  )
}

/** From here on anybody may clear it. */
export const giveUpStaging = (unit: Unit, mailbox: number): void => {
  const { state } = openSelectable(unit, mailbox)
  writeUnfinished(unit, mailbox, { kind: 'clearing', fromUid: state.stagedFrom })
}
