import type { FileLayer } from './file-layer.ts'
import { decodeFrameHeader, type FrameHeader, frameBytes, frameHeaderBytes } from './frame.ts'

const windowBytes = 1024 * 1024

export interface FoundFrame {
  readonly offset: number
  readonly header: FrameHeader
}

/** Headers of all frames of a file; after damage it looks for the next one. */
export async function* scanSegment(
  files: FileLayer,
  file: number,
  lengthBytes: number,
): AsyncGenerator<FoundFrame> {
  let offset = 0
  const head = Buffer.allocUnsafe(frameHeaderBytes)
  while (offset + frameHeaderBytes <= lengthBytes) {
    await files.read(file, head, offset)
    const header = decodeFrameHeader(head)
    if (header === undefined || offset + frameBytes(header) > lengthBytes) {
      offset = await nextMagic(files, file, offset + 1, lengthBytes)
      continue
    }
    yield { offset, header }
    offset += frameBytes(header)
  }
}

/** Place of the next octets that look like a frame, or the end. */
export const nextMagic = async (
  files: FileLayer,
  file: number,
  from: number,
  lengthBytes: number,
): Promise<number> => {
  const window = Buffer.allocUnsafe(windowBytes)
  let at = from
  while (at < lengthBytes) {
    const filled = await files.read(file, window, at)
    if (filled < 4) return lengthBytes
    const found = window.subarray(0, filled).indexOf('PHF1')
    if (found >= 0) return at + found
    at += filled - 3
    if (filled < windowBytes) return lengthBytes
  }
  return lengthBytes
}
