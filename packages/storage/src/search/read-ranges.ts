import { decodeStructure, type OctetRanges, searchableRanges } from '@posthorn/mail'
import type { MessageBatch, Uid } from '../contract.ts'
import type { SearchSource } from './search-source.ts'

type ReadRange = NonNullable<SearchSource['read']>

/**
 * What a search looks at of one message: its headers and texts, not its attachments. undefined when the
 * message is gone.
 */
export const readSearchable = async (
  read: ReadRange,
  batch: MessageBatch,
  row: number,
): Promise<OctetRanges | undefined> => {
  const prefixBytes = batch.prefixes?.[row]?.length ?? 0
  const summary = decodeStructure(batch.summaries?.[row] ?? Buffer.alloc(0))
  const pieces: { readonly start: number; readonly bytes: Uint8Array }[] = []
  for (const [start, end] of searchableRanges(summary)) {
    const bytes = await read(batch.uids[row] as Uid, prefixBytes + start, prefixBytes + end)
    if (bytes === undefined) return undefined
    pieces.push({ start, bytes })
  }
  return {
    subarray(start, end) {
      const piece = pieces.findLast((each) => each.start <= start)
      return piece?.bytes.subarray(start - piece.start, end - piece.start) ?? new Uint8Array()
    },
  }
}
