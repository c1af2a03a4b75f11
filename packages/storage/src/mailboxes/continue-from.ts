import { type Mailbox, type MailboxId, StoreError } from '../contract.ts'
import type { Unit } from '../kv/unit.ts'
import {
  readMailbox,
  readMailboxFacts,
  readMailboxState,
  writeMailboxFacts,
  writeMailboxState,
} from '../rows/mailbox-row.ts'
import { readSequence, writeSequence } from '../rows/sequence.ts'

const maxNumber = 0xffff_ffff

/**
 * A mailbox that moved here from another server goes on under its old numbers, so that clients keep what they
 * hold. UIDVALIDITY only while no UID was given here (RFC 9051 §2.3.1.1), UIDNEXT only upwards.
 */
export const continueFrom = (
  unit: Unit,
  id: MailboxId,
  numbers: { readonly uidValidity: number; readonly uidNext: number },
  nowMs: number,
): Mailbox => {
  const facts = readMailboxFacts(unit, id)
  const state = readMailboxState(unit, id)
  if (facts === undefined || state === undefined) {
    throw new StoreError('no-such-mailbox', `Cannot open mailbox ${id}: it does not exist`)
  }
  const { uidValidity, uidNext } = numbers
  if (!isUidNumber(uidValidity) || !isUidNumber(uidNext)) {
    throw new StoreError('limit', `Cannot continue mailbox "${facts.name}": UIDs are 32-bit numbers from 1`)
  }
  if (facts.uidValidity !== uidValidity) {
    if (state.uidNext !== 1) {
      throw new StoreError(
        'limit',
        `Cannot continue mailbox "${facts.name}" as UIDVALIDITY ${uidValidity}: it has given UIDs already`,
      )
    }
    writeMailboxFacts(unit, id, { ...facts, uidValidity })
    // Above any MODSEQ of the other server: what a client remembers from there counts as long ago.
    state.highestModSeq = Math.max(state.highestModSeq, Math.trunc(nowMs))
    state.historyFloor = state.highestModSeq
    writeMailboxState(unit, id, state)
    writeSequence(unit, 'uid-validity', Math.max(readSequence(unit, 'uid-validity'), uidValidity + 1))
  }
  if (state.stagedFrom !== 0 && uidNext > state.stagedFrom) {
    throw new StoreError(
      'in-use',
      `Cannot continue mailbox "${facts.name}": messages are being copied into it`,
    )
  }
  if (uidNext > state.uidNext) {
    const firstRecent = state.firstRecent === state.uidNext ? uidNext : state.firstRecent
    writeMailboxState(unit, id, { ...state, uidNext, firstRecent })
  }
  return readMailbox(unit, id) as Mailbox
}

const isUidNumber = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= maxNumber
