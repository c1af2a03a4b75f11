import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ListingColumn, MailboxId, MessageBatch } from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import { ListingReader } from '../listings/read-listings.ts'
import { type CollectLimits, collect } from './collect.ts'
import { givenUids, openMailbox } from './place.ts'
import type { SearchAids } from './search-messages.ts'

/** Small enough that the processor's cache still has what was read when it is sent. */
const limits: CollectLimits = { columns: 'facts', maxCount: 512, maxOctets: Number.POSITIVE_INFINITY }

interface ListingWant {
  readonly mailbox: MailboxId
  readonly uids: Uint32Array
  readonly columns: readonly ListingColumn[]
}

/** Facts and listings; messages that have none come without. */
export async function* listingBatches(
  engine: Engine,
  texts: SearchAids['texts'],
  { mailbox, uids: wanted, columns: listed }: ListingWant,
): AsyncGenerator<MessageBatch> {
  const { facts, state } = openMailbox(snapshotOf(engine), mailbox)
  const uids = givenUids(wanted, state)
  const index = await texts?.listings?.of(facts.account)
  const reader = index && new ListingReader(index, listed)
  try {
    for (let from = 0; from < uids.length; ) {
      if (from > 0) await nextTurn()
      const { columns, next } = collect(snapshotOf(engine), mailbox, uids, from, limits)
      from = next
      if (columns.batch.uids.length === 0) continue
      if (reader === undefined) {
        if (texts?.listings !== undefined) texts.missed(mailbox)
        yield columns.batch
        continue
      }
      const { listing, missing } = await reader.read(columns)
      if (missing) texts?.missed(mailbox)
      yield { ...columns.batch, listing }
    }
  } finally {
    reader?.close()
    index?.release()
  }
}
