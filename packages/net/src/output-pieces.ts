/** Output waiting beyond this is handed to the kernel without waiting for the end of the turn. */
export const flushLimitBytes = 65_536

/**
 * As few buffers as sensible: neighbours below `copyLimitBytes` are copied together, larger ones stay
 * themselves (a copy of a message body costs more, by its garbage, than a place in writev).
 */
export function joinPieces(
  pieces: readonly (Uint8Array | string)[],
  copyLimitBytes: number,
): (Uint8Array | string)[] {
  if (pieces.length <= 1) return [...pieces]
  if (pieces.every((piece) => typeof piece === 'string')) return [pieces.join('')]
  const joined: Uint8Array[] = []
  let text = ''
  let run: Uint8Array[] = []
  const endText = (): void => {
    if (text !== '') run.push(Buffer.from(text))
    text = ''
  }
  const endRun = (): void => {
    endText()
    if (run.length > 0) joined.push(run.length === 1 ? run[0]! : Buffer.concat(run))
    run = []
  }
  for (const piece of pieces) {
    if (typeof piece === 'string') text += piece
    else if (piece.length < copyLimitBytes) {
      endText()
      run.push(piece)
    } else {
      endRun()
      joined.push(piece)
    }
  }
  endRun()
  return joined
}
