import type { FetchWant } from '../contract.ts'
import type { BlobRow } from '../rows/blob-row.ts'

/** How many octets of a body are needed, its prefix not counted. */
export const mostOctets = (
  upTo: FetchWant['upTo'],
  { bodyBytes, summary }: BlobRow,
  prefix: Buffer,
): number =>
  upTo === undefined
    ? bodyBytes
    : Math.max(0, upTo(summary, prefix, prefix.length + bodyBytes) - prefix.length)
