import { workTurns } from '../work-turns.ts'
import { MessageDigest } from './message-digest.ts'

/** As much as is read whole to test its checksum. */
const pieceBytes = 256 * 1024

/**
 * The encoded summary of a message whose own cannot be read, made from its octets; undefined: it is gone.
 * @param read octets [start, end) in memory of their own
 */
export const summaryAgain = async (
  bodyBytes: number,
  read: (start: number, end: number) => Promise<Buffer | undefined>,
): Promise<Buffer | undefined> => {
  const digest = new MessageDigest()
  for (let start = 0; start < bodyBytes; start += pieceBytes) {
    if (workTurns.isOver) await workTurns.next()
    const piece = await read(start, Math.min(start + pieceBytes, bodyBytes))
    if (piece === undefined) return undefined
    digest.push(piece)
  }
  return digest.finish().summary
}
