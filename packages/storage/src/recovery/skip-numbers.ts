import { keyAfter, keyOfTable, tables } from '../kv/keys.ts'
import type { Unit } from '../kv/unit.ts'
import { readMailboxState, writeMailboxState } from '../rows/mailbox-row.ts'
import { readSequence, type SequenceName, writeSequence } from '../rows/sequence.ts'

/** More than one group can give that was seen by others and never acknowledged. */
const skipped = 10_000
const sequences: readonly SequenceName[] = [
  'next-account',
  'next-mailbox',
  'next-message',
  'next-queue',
  'uid-validity',
]

/**
 * What is committed is seen by others a moment before it is on disk. After power failure such numbers (UID,
 * MODSEQ, UIDVALIDITY) must not be given to something else: RFC 9051 §2.3.1.1, RFC 7162 §3.1.
 */
export const skipNumbers = (unit: Unit): void => {
  for (const name of sequences) writeSequence(unit, name, readSequence(unit, name) + skipped)
  const start = keyOfTable(tables.mailboxState)
  const ids = Array.from(unit.range({ start, end: keyAfter(start) }), ({ key }) => key.readUInt32BE(1))
  for (const id of ids) {
    const state = readMailboxState(unit, id)
    if (state === undefined) continue
    writeMailboxState(unit, id, {
      ...state,
      uidNext: Math.min(state.uidNext + skipped, 0xffff_ffff),
      highestModSeq: state.highestModSeq + skipped,
    })
  }
}
