/** Written as one buffer below this; above it copying costs more than a second buffer in writev. */
export const joinLimitBytes = 65_536

/** As few writes as sensible: small pieces are copied together, large ones stay themselves. */
export function joinPieces(pieces: (Uint8Array | string)[]): (Uint8Array | string)[] {
  if (pieces.length <= 1) return pieces
  if (pieces.every((piece) => typeof piece === 'string')) return [pieces.join('')]
  const joined: Uint8Array[] = []
  let run: Uint8Array[] = []
  for (const piece of pieces) {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
    if (bytes.length < joinLimitBytes) run.push(bytes)
    else {
      if (run.length > 0) joined.push(Buffer.concat(run))
      joined.push(bytes)
      run = []
    }
  }
  if (run.length > 0) joined.push(run.length === 1 ? run[0]! : Buffer.concat(run))
  return joined
}
