import { digestOf } from '../messages/message-digest.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import {
  checksum,
  type DeliveryFacts,
  encodeFrameHeader,
  type FrameHeader,
  frameBytes,
  frameHeaderBytes,
} from '../segments/frame.ts'
import { segmentPath } from '../segments/segment-path.ts'
import { maxSegmentBytes } from '../segments/segment-writer.ts'
import { type DamagedFrame, type FoundSegments, parseFacts } from './find-frames.ts'

export interface MendPlace {
  readonly files: FileLayer
  readonly segmentDirectory: string
  /** Above every segment number that was ever given. */
  readonly firstSegment: number
  /** Offset before which every frame of a segment met its fate. */
  readonly marks: ReadonlyMap<number, number>
}

interface Mended {
  readonly header: FrameHeader
  readonly facts: DeliveryFacts | undefined
  readonly summary: Buffer
  /** The whole frame. */
  readonly bytes: Buffer
}

/**
 * Of some frames only what stands behind the message is damaged. What lists show is made from the message again, and such
 * frames are written whole to segments of their own, as compaction copies frames; the damaged ones stay as they are: a backup
 * may be linked to them. On the disk when it resolves.
 */
export const mendFrames = async (
  { files, segmentDirectory, firstSegment, marks }: MendPlace,
  found: FoundSegments,
): Promise<void> => {
  let segment = firstSegment
  let file: number | undefined
  let lengthBytes = 0
  let frames = 0
  const finish = async (): Promise<void> => {
    if (file === undefined) return
    await files.dataSync(file)
    files.close(file)
    file = undefined
    found.segments.set(segment, { lengthBytes, frames })
    segment++
    lengthBytes = 0
    frames = 0
  }
  for (const [blobId, damaged] of found.damaged) {
    if (found.frames.has(blobId) || !damaged.isBodyWhole) continue
    const { header, facts, summary, bytes } = await mend(files, segmentDirectory, damaged)
    if (lengthBytes > 0 && lengthBytes + bytes.length > maxSegmentBytes) await finish()
    file ??= files.create(segmentPath(segmentDirectory, segment))
    await files.write(file, [bytes], lengthBytes)
    // What became of it is known of its former place.
    const isSettled = damaged.offset < (marks.get(damaged.segment) ?? 0)
    const kind = isSettled ? 'moved' : damaged.header.kind
    found.frames.set(blobId, { segment, offset: lengthBytes, header: { ...header, kind }, facts, summary })
    found.damaged.delete(blobId)
    lengthBytes += bytes.length
    frames++
  }
  await finish()
  await files.syncDirectory(segmentDirectory)
}

const mend = async (
  files: FileLayer,
  directory: string,
  { segment, offset, header }: DamagedFrame,
): Promise<Mended> => {
  const former = Buffer.allocUnsafeSlow(frameBytes(header))
  const file = files.openRead(segmentPath(directory, segment))
  try {
    await files.read(file, former, offset)
  } finally {
    files.close(file)
  }
  const end = frameHeaderBytes + header.bodyBytes
  const body = former.subarray(frameHeaderBytes, end)
  const { summary, headBytes, headCrc } = digestOf([body])
  const kept = former.subarray(end, end + header.factsBytes)
  // One checksum is for both: with the summary as it was it holds when the facts are as they were.
  const areKept = checksum([kept, summary]) === header.tailCrc
  const facts = areKept ? kept : Buffer.alloc(0)
  const whole: FrameHeader = {
    ...header,
    kind: 'moved',
    headBytes,
    headCrc,
    factsBytes: facts.length,
    summaryBytes: summary.length,
    tailCrc: checksum([facts, summary]),
  }
  const bytes = Buffer.concat([encodeFrameHeader(whole), body, facts, summary])
  return { header: whole, facts: parseFacts(facts), summary, bytes }
}
