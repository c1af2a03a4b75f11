import type { Copied, FlagMask, ModSeq } from '../contract.ts'
import { awaitForeignBlob, type Engine } from '../engine.ts'
import type { Unit } from '../kv/unit.ts'
import type { Placement } from '../rows/chunk.ts'
import { readKeywords } from '../rows/mailbox-row.ts'
import { referToMessage } from '../rows/message-row.ts'
import { checkQuota, type Load } from '../rows/usage-row.ts'
import { bindFlags, keywordNames, systemMask } from './keywords.ts'
import {
  addMessages,
  findPlacements,
  givenUids,
  type NewPlacement,
  type OpenMailbox,
  openSelectable,
  removeMessages,
} from './place.ts'

export interface Transfer {
  readonly from: number
  readonly uids: Uint32Array
  readonly to: number
  /** Flags that go along; default: all. */
  readonly within?: FlagMask | undefined
}

export const loadOf = (placements: readonly Placement[]): Load => ({
  sizeBytes: placements.reduce((sum, each) => sum + each.sizeBytes, 0),
  messages: placements.length,
})

const copiedOf = (to: OpenMailbox, from: readonly Placement[], placed: readonly Placement[]): Copied => ({
  uidValidity: to.facts.uidValidity,
  from: Uint32Array.from(from, (each) => each.uid),
  to: Uint32Array.from(placed, (each) => each.uid),
})

/** References, not octets. RFC 9051 §6.4.7: flags and INTERNALDATE are kept. */
export const copyIn = (engine: Engine, unit: Unit, transfer: Transfer): Copied => {
  const source = openSelectable(unit, transfer.from)
  const target = openSelectable(unit, transfer.to)
  const found = findPlacements(unit, transfer.from, givenUids(transfer.uids, source.state))
  checkQuota(unit, target.facts.account, loadOf(found), engine)
  referAgain(engine, unit, found, new Set())
  const placed = addMessages(unit, target, translated(unit, engine, transfer, found))
  return copiedOf(target, found, placed)
}

export const referAgain = (
  engine: Engine,
  unit: Unit,
  found: readonly Placement[],
  decided: Set<number>,
): void => {
  for (const placement of found) {
    referToMessage(unit, placement.messageId, 1)
    awaitForeignBlob(engine, unit, placement.blobId, decided)
  }
}

/** RFC 6851 §3.3: the messages leave one mailbox and enter the other in one unit. */
export const moveIn = (engine: Engine, unit: Unit, transfer: Transfer): Copied & { modSeq: ModSeq } => {
  const { from: fromId, uids, to: toId } = transfer
  const source = openSelectable(unit, fromId)
  const targetAccount = openSelectable(unit, toId).facts.account
  const found = findPlacements(unit, fromId, givenUids(uids, source.state))
  if (targetAccount !== source.facts.account) {
    checkQuota(unit, targetAccount, loadOf(found), engine)
  }
  const entering = translated(unit, engine, transfer, found)
  removeMessages(unit, source, found, 'keep')
  // Opened after the removal: source and target may be the same mailbox.
  const target = openSelectable(unit, toId)
  const placed = addMessages(unit, target, entering)
  const decided = new Set<number>()
  for (const placement of found) awaitForeignBlob(engine, unit, placement.blobId, decided)
  const modSeq = (fromId === toId ? target : source).state.highestModSeq as ModSeq
  return { ...copiedOf(target, found, placed), modSeq }
}

/** The same messages with the flags' bits of the target mailbox. */
export const translated = (
  unit: Unit,
  engine: Engine,
  { from, to, within }: Transfer,
  found: readonly Placement[],
): NewPlacement[] => {
  const keywords = within?.keywords === 'none' ? [] : readKeywords(unit, from)
  const system = within?.system ?? systemMask
  const words = new Map<string, { flags0: number; flags1: number }>()
  const nowMs = engine.now()
  return found.map((each) => {
    const key = `${each.flags0 & ~systemMask}:${each.flags1}`
    let bound = words.get(key)
    if (bound === undefined) {
      const names = keywordNames(each.flags0, each.flags1, keywords)
      bound = bindFlags(unit, to, { system: 0, keywords: names })
      words.set(key, bound)
    }
    return {
      flags0: ((each.flags0 & system) | bound.flags0) >>> 0,
      flags1: bound.flags1,
      messageId: each.messageId,
      blobId: each.blobId,
      sizeBytes: each.sizeBytes,
      internalDateMs: each.internalDateMs,
      saveDateMs: nowMs,
      missingOctets: each.missingOctets,
    }
  })
}
