/** Output waiting beyond this is handed to the kernel without waiting for the end of the turn. */
export const flushLimitBytes = 65_536

/**
 * As few buffers as sensible: neighbours below `copyLimitBytes` are copied together, larger ones stay
 * themselves (a copy of a message body costs more, by its garbage, than a place in writev).
 */
export function joinPieces(
  given: readonly (Uint8Array | string)[],
  copyLimitBytes: number,
): (Uint8Array | string)[] {
  if (given.length <= 1) return [...given]
  const pieces = joinNeighbours(given)
  if (pieces.length === 1) return pieces
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

/** Pieces that lie one behind the other in memory are one. */
function joinNeighbours(pieces: readonly (Uint8Array | string)[]): (Uint8Array | string)[] {
  const joined: (Uint8Array | string)[] = []
  for (let at = 0; at < pieces.length; at++) {
    const first = pieces[at]!
    let last = first
    for (let next = pieces[at + 1]; next !== undefined && follows(last, next); next = pieces[at + 1]) {
      last = next
      at++
    }
    joined.push(first === last ? first : spanning(first as Uint8Array, last as Uint8Array))
  }
  return joined
}

function follows(piece: Uint8Array | string, next: Uint8Array | string): boolean {
  return (
    typeof piece !== 'string' &&
    typeof next !== 'string' &&
    piece.buffer === next.buffer &&
    piece.byteOffset + piece.length === next.byteOffset
  )
}

function spanning(first: Uint8Array, last: Uint8Array): Uint8Array {
  return new Uint8Array(first.buffer, first.byteOffset, last.byteOffset + last.length - first.byteOffset)
}
