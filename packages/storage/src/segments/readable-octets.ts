/** Octets that a file has at a place, as many as fit or there are; 0 at its end. */
export type ReadSome = (target: Uint8Array, position: number) => Promise<number>

/** A disk gives a block of this, or nothing of it. */
const blockBytes = 4096

/** The disk does not give it back: a bad sector, or worse. */
export const isUnreadable = (error: unknown): boolean =>
  ((error ?? {}) as { readonly code?: unknown }).code === 'EIO'

/** Reads until `target` is full or the file ends. */
export const readFully = async (
  readSome: ReadSome,
  target: Uint8Array,
  position: number,
): Promise<number> => {
  let filled = 0
  while (filled < target.length) {
    const count = await readSome(target.subarray(filled), position + filled)
    if (count === 0) break
    filled += count
  }
  return filled
}

/**
 * The same, for content with checksums: what the disk cannot give any more is zeros, so that a bad sector costs the
 * message that it is in, and none beside it.
 */
export const readWhatThereIs = async (
  readSome: ReadSome,
  target: Uint8Array,
  position: number,
): Promise<number> => {
  try {
    return await readFully(readSome, target, position)
  } catch (error) {
    if (!isUnreadable(error)) throw error
  }
  let filled = 0
  while (filled < target.length) {
    const toBlockEnd = blockBytes - ((position + filled) % blockBytes)
    const piece = target.subarray(filled, filled + toBlockEnd)
    try {
      const count = await readFully(readSome, piece, position + filled)
      filled += count
      if (count < piece.length) break
    } catch (error) {
      if (!isUnreadable(error)) throw error
      piece.fill(0)
      filled += piece.length
    }
  }
  return filled
}
