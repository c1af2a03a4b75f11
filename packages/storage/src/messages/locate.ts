import type { Reader } from '../kv/unit.ts'
import { type BlobRow, frameBytesOf, readBlobRow } from '../rows/blob-row.ts'
import { frameHeaderBytes } from '../segments/frame.ts'

/** Where one message's octets are, read in the turn that uses it. */
export interface Located {
  readonly index: number
  readonly row: BlobRow
  /** First octet of the frame and how many are wanted from there. */
  readonly start: number
  readonly lengthBytes: number
  /** The body is wanted as far as `lengthBytes` goes, without its checksum. */
  readonly isPart?: true
}

type Wanted = 'header' | 'all' | 'frame'

export const locate = (reader: Reader, blobIds: readonly number[], want: Wanted): (Located | undefined)[] =>
  locateRows(
    blobIds.map((blobId) => readBlobRow(reader, blobId)),
    want,
  )

export const locateRows = (rows: readonly (BlobRow | undefined)[], want: Wanted): (Located | undefined)[] =>
  rows.map((row, index) => {
    if (row === undefined) return undefined
    const octets =
      want === 'frame'
        ? frameBytesOf(row)
        : frameHeaderBytes + (want === 'all' ? row.bodyBytes : row.headBytes)
    return { index, row, start: row.offset, lengthBytes: octets }
  })
