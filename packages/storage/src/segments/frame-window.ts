import type { FileLayer } from './file-layer.ts'
import { decodeFrameHeader, type FrameHeader, frameBytes, frameHeaderBytes } from './frame.ts'
import { nextMagic } from './scan-segment.ts'

/** Few reads for many frames. What was given stays valid: each window has memory of its own. */
const windowBytes = 2 * 1024 * 1024

export interface WholeFrame {
  readonly offset: number
  readonly header: FrameHeader
  /** The frame as it stands in the file. */
  readonly bytes: Buffer
}

/** All whole frames of a segment with their octets, in order; after damage it looks for the next one. */
export async function* readFrames(
  files: FileLayer,
  file: number,
  lengthBytes: number,
): AsyncGenerator<WholeFrame> {
  let offset = 0
  let start = 0
  let window: Buffer = Buffer.alloc(0)
  /** Octets [offset, offset + wanted), or fewer at the end of the file. */
  const take = async (wanted: number): Promise<Buffer> => {
    if (offset + wanted > start + window.length) {
      const target = Buffer.allocUnsafeSlow(Math.min(Math.max(windowBytes, wanted), lengthBytes - offset))
      window = target.subarray(0, await files.read(file, target, offset))
      start = offset
    }
    return window.subarray(offset - start, offset - start + wanted)
  }
  while (offset + frameHeaderBytes <= lengthBytes) {
    const header = decodeFrameHeader(await take(frameHeaderBytes))
    const sizeBytes = header === undefined ? 0 : frameBytes(header)
    if (header === undefined || offset + sizeBytes > lengthBytes) {
      offset = await nextMagic(files, file, offset + 1, lengthBytes)
      continue
    }
    const bytes = await take(sizeBytes)
    if (bytes.length < sizeBytes) return
    yield { offset, header, bytes }
    offset += sizeBytes
  }
}
