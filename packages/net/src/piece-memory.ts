/** What is asked of the connection that the pieces go to. */
export interface PieceOutlet {
  /** Octets not yet taken by the kernel. */
  readonly backlogBytes: number
}

interface Room {
  readonly buffer: Buffer
  /** Of all pieces up to the one in this room. */
  passedBytes: number
}

/** While one is being sent, the next piece is read into another; a client that is slower has more on its way. */
const maxRooms = 3

/**
 * Memory for the pieces of something large, used again as soon as the kernel has taken what was in it: fresh memory
 * is made page by page, which takes longer than to read into it.
 */
export class PieceMemory {
  readonly #outlet: PieceOutlet
  readonly #pieceBytes: number
  #rooms: Room[] = []
  #passedBytes = 0

  constructor(outlet: PieceOutlet, pieceBytes: number) {
    this.#outlet = outlet
    this.#pieceBytes = pieceBytes
  }

  /** For the next piece. `passed` is to be called when what came of it was handed to the connection. */
  take(): Buffer {
    const room = this.#rooms.find((each) => this.#isGone(each)) ?? this.#make()
    room.passedBytes = Number.POSITIVE_INFINITY
    return room.buffer
  }

  /** @param sentBytes of the connection's protocol, made from the piece that lies in `memory` */
  passed(memory: Buffer, sentBytes: number): void {
    this.#passedBytes += sentBytes
    const room = this.#rooms.find(({ buffer }) => buffer === memory)
    if (room !== undefined) room.passedBytes = this.#passedBytes
  }

  /** All that still waits was passed after it. */
  #isGone({ passedBytes }: Room): boolean {
    return this.#outlet.backlogBytes <= this.#passedBytes - passedBytes
  }

  #make(): Room {
    const room = { buffer: Buffer.allocUnsafeSlow(this.#pieceBytes), passedBytes: 0 }
    this.#rooms = [room, ...this.#rooms].slice(0, maxRooms)
    return room
  }
}
