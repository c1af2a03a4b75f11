import { StoreError } from '../contract.ts'
import type { Reader } from '../kv/unit.ts'
import type { BlobRow } from '../rows/blob-row.ts'
import type { Placement } from '../rows/chunk.ts'
import { readMessageRow } from '../rows/message-row.ts'

const noOctets = Buffer.alloc(0)

/**
 * What stands before a message's octets, when its placement, its own row and the place of its octets say the same
 * of it. All of one snapshot. Throws 'corrupt'.
 */
export const prefixOf = (
  reader: Reader,
  { messageId, blobId, sizeBytes }: Pick<Placement, 'messageId' | 'blobId' | 'sizeBytes'>,
  blob: BlobRow,
): Buffer => {
  // No room for a prefix: its row need not be read.
  if (blob.bodyBytes === sizeBytes) return noOctets
  const message = readMessageRow(reader, messageId)
  if (message?.blobId !== blobId || message.prefix.length + blob.bodyBytes !== sizeBytes)
    throw new StoreError('corrupt', `Cannot read message ${messageId}: the index says two things of it`)
  return message.prefix
}
