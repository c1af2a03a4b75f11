import { randomBytes } from 'node:crypto'
import { StoreError } from '../contract.ts'
import type { Engine } from '../engine.ts'
import type { Unit } from '../kv/unit.ts'
import {
  count,
  maxUid,
  type NewPlacement,
  type OpenMailbox,
  openSelectable,
  saveMailbox,
} from '../messages/place.ts'
import { addPlacements, chunkKey, chunkRows, chunkShift, type Placement, sealChunk } from '../rows/chunk.ts'
import { writeMailboxState } from '../rows/mailbox-row.ts'
import { readUnfinished, removeUnfinished, type Staging, writeUnfinished } from '../rows/unfinished-row.ts'
import { addUsage, checkQuota } from '../rows/usage-row.ts'

/** Some milliseconds. */
export const usualStepMessages = 384
/** UIDs that are left for what comes into the mailbox meanwhile: at most. */
const spareUids = 65_536
/** Of more messages than one unit brings down afterwards the gap stays: so many for each, or a mailbox would run out of UIDs. */
const spareUidsEach = 4
/** What is staged in so many chunks is brought down in one unit: its record in the log is no longer than a quarter of a fresh log. */
const broughtDownChunks = 128
/** So that what is staged has a greater MODSEQ than all that is changed meanwhile. */
const spareModSeqs = 1_000_000
const lookAgainMs = 20

/** Where messages are staged above the UIDs that a mailbox has given, and nobody sees them. */
export interface StagingArea {
  readonly mailbox: number
  readonly id: number
}

/** One at a time stages messages in a mailbox. @param most so many will come at most */
export const beginStaging = async (
  engine: Engine,
  mailbox: number,
  most: number,
  signal?: AbortSignal,
): Promise<StagingArea> => {
  const area = { mailbox, id: randomBytes(6).readUIntBE(0, 6) }
  while (!(await engine.commit.run((unit) => beginIn(engine, unit, area, most)))) {
    signal?.throwIfAborted()
    await engine.unfinished.takeUp()
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs))
  }
  return area
}

/** False while other work on the mailbox is not finished. */
const beginIn = (engine: Engine, unit: Unit, { mailbox, id }: StagingArea, most: number): boolean => {
  const { facts, state } = openSelectable(unit, mailbox)
  if (readUnfinished(unit, mailbox) !== undefined) return false
  const room = Math.floor((maxUid - state.uidNext - most) / 2)
  if (room < 2 ** chunkShift)
    throw new StoreError('limit', `Cannot add to mailbox "${facts.name}": no UIDs are left`)
  const spare = most <= broughtDownChunks << chunkShift ? spareUids : most * spareUidsEach
  const first = wholeChunk(state.uidNext + Math.min(spareUids, spare, room))
  writeMailboxState(unit, mailbox, { ...state, stagedFrom: first })
  writeUnfinished(unit, mailbox, {
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

/** The first UID of a chunk that has none below `uid`. */
const wholeChunk = (uid: number): number => ((uid + 2 ** chunkShift - 1) >>> chunkShift) * 2 ** chunkShift

/** Throws when it was given up by others: the mailbox was removed. */
const ownStaging = (unit: Unit, { mailbox, id }: StagingArea): Staging => {
  const work = readUnfinished(unit, mailbox)
  if (work?.kind === 'staging' && work.id === id) return work
  throw new StoreError('no-such-mailbox', `Cannot add to mailbox ${mailbox}: it is gone`)
}

/** A part of them; the message rows already carry the reference. Throws 'over-quota'. */
export const stage = (
  engine: Engine,
  unit: Unit,
  area: StagingArea,
  entering: readonly NewPlacement[],
): readonly Placement[] => {
  const target = openSelectable(unit, area.mailbox)
  const staging = ownStaging(unit, area)
  const { modSeq } = staging
  const placed = entering.map((each, index) => ({ ...each, uid: staging.nextUid + index, modSeq }))
  const counts = { unseen: staging.unseen, deleted: staging.deleted }
  let { sizeBytes } = staging
  for (const each of placed) {
    count(counts, each.flags0, 1)
    sizeBytes += each.sizeBytes
  }
  const messages = staging.messages + placed.length
  checkQuota(unit, target.facts.account, { sizeBytes, messages }, engine)
  addPlacements(unit, area.mailbox, placed)
  const nextUid = staging.nextUid + placed.length
  writeUnfinished(unit, area.mailbox, { ...staging, ...counts, nextUid, messages, sizeBytes })
  return placed
}

/** What became of what was staged. */
export interface Published {
  readonly uidValidity: number
  /** Each UID is so much less than it was while staged. */
  readonly uidsLower: number
}

/** However many they are: few rows. */
export const publishStaged = (engine: Engine, unit: Unit, area: StagingArea): Published => {
  const target = openSelectable(unit, area.mailbox)
  const { facts, state } = target
  const staging = ownStaging(unit, area)
  if (staging.modSeq <= state.highestModSeq)
    throw new StoreError('in-use', `Cannot add to mailbox "${facts.name}": it changes too fast`)
  checkQuota(unit, facts.account, staging, engine)
  removeUnfinished(unit, area.mailbox)
  const uidsLower = bringDown(unit, target, staging)
  state.stagedFrom = 0
  if (staging.messages > 0) {
    state.uidNext = staging.nextUid - uidsLower
    state.highestModSeq = staging.modSeq
    state.messages += staging.messages
    state.unseen += staging.unseen
    state.deleted += staging.deleted
    state.sizeBytes += staging.sizeBytes
    addUsage(unit, facts.account, staging.sizeBytes, staging.messages)
  }
  saveMailbox(unit, target)
  return { uidValidity: facts.uidValidity, uidsLower }
}

/**
 * UIDs are 32-bit, and every gap is gone for ever: chunks of a few thousand messages follow those that the mailbox has.
 * Gives by how much their UIDs are lower now.
 */
const bringDown = (unit: Unit, { id, state }: OpenMailbox, { nextUid }: Staging): number => {
  const first = wholeChunk(state.uidNext)
  const uidsLower = state.stagedFrom - first
  if (uidsLower <= 0 || nextUid - state.stagedFrom > broughtDownChunks << chunkShift) return 0
  for (const { chunk, bytes } of [...chunkRows(unit, id, state.stagedFrom)]) {
    const lower = chunk - (uidsLower >>> chunkShift)
    unit.drop(chunkKey(id, chunk), bytes)
    unit.replace(chunkKey(id, lower), sealChunk(id, lower, Buffer.from(bytes)), undefined)
  }
  return uidsLower
}

/** What was staged is cleared in the background; when not even that can be noted, whoever takes up later does it. */
export const takeBackStaged = async (engine: Engine, { mailbox, id }: StagingArea): Promise<void> => {
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
