import { pieceBytes } from '../wire/response.ts'

/** Who wrote to a piece, and knows whether it has been sent. */
export interface PieceUser {
  isGone(sentBytes: number): boolean
  /** Sends now what waits for the end of the turn. */
  hurry(): void
}

interface Lent {
  readonly buffer: Buffer
  readonly user: PieceUser
  readonly sentBytes: number
}

/** For all sessions: memory that was used just now is in the processor's cache, fresh memory is made page by page. */
const free: Buffer[] = []
/** On its way to a client. */
const lent: Lent[] = []
const maxKept = 8

/** Memory of `pieceBytes` for responses. */
export function takePiece(): Buffer {
  return free.pop() ?? reclaimed() ?? hurried() ?? Buffer.allocUnsafeSlow(pieceBytes)
}

/** Of a client that pipelines: the answers so far leave in one packet. */
function hurried(): Buffer | undefined {
  if (lent.length < maxKept) return undefined
  lent.at(-1)!.user.hurry()
  return reclaimed()
}

function reclaimed(): Buffer | undefined {
  for (let at = lent.length - 1; at >= 0; at--) {
    const { buffer, user, sentBytes } = lent[at]!
    if (!user.isGone(sentBytes)) continue
    lent.splice(at, 1)
    return buffer
  }
  return undefined
}

/** It is given to others as soon as `user` says that what was sent up to `sentBytes` is gone. */
export function givePiece(buffer: Buffer, user: PieceUser, sentBytes: number): void {
  // Mostly the kernel has it already: nobody needs to know any more who the user was.
  if (user.isGone(sentBytes)) {
    if (free.length < maxKept) free.push(buffer)
    return
  }
  // The oldest may belong to a client that does not read.
  if (lent.length === maxKept) lent.shift()
  lent.push({ buffer, user, sentBytes })
}
