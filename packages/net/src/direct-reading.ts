import type * as net from 'node:net'

/** As much as Node itself reads at once. */
const roomBytes = 65_536
/** For all sockets: what comes is copied before the next one reads. */
let room: Buffer | undefined

/** What Node has for `onread`, under the names that it calls them. */
interface Parts {
  readonly buffer: symbol
  readonly callback: symbol
  readonly maker: symbol
}

let known: Parts | undefined

type Inside = net.Socket & {
  readonly _handle?: { readonly useUserBuffer?: (memory: Buffer) => void } | null
  [part: symbol]: unknown
}

/**
 * Gives what comes in the clear to `take` without a stream between: that is Node's `onread` (net.Socket), for which
 * it has no option where a server accepts. A command of a client costs a fifth less then, and no memory of its own.
 * 'stream': this Node has not what that takes, or something waits in the stream; all goes on as it was.
 * @param usesUp whether `take` will be done with so many octets when it returns: they are not copied for it
 */
export function readDirectly(
  socket: net.Socket,
  take: (octets: Buffer) => void,
  usesUp: (lengthBytes: number) => boolean = () => false,
): 'direct' | 'stream' {
  const inside = socket as Inside
  known ??= partsOf(inside)
  const handle = inside._handle
  if (known === undefined || handle === null || handle?.useUserBuffer === undefined) return 'stream'
  if (inside[known.buffer] !== null || socket.readableLength > 0 || socket.isPaused()) return 'stream'
  room ??= Buffer.allocUnsafeSlow(roomBytes)
  inside[known.buffer] = room
  inside[known.maker] = null
  // Not as `inside[…] = () => …`: V8 lays a function that is written as the value of a property into the old
  // generation at once, and all that it sees would outlive the connection until the next thorough collection.
  const read = (lengthBytes: number, memory: Buffer): boolean => {
    const octets = memory.subarray(0, lengthBytes)
    take(usesUp(lengthBytes) ? octets : Buffer.from(octets))
    return true
  }
  inside[known.callback] = read
  handle.useUserBuffer(room)
  return 'direct'
}

/**
 * For a closed socket: it leads to nobody any more. Node's streams make a function in each socket that V8 lays into the
 * old generation at once (`WritableState.onwrite`), so a socket, with all that it leads to, outlives the quick collections
 * of garbage until the next thorough one.
 */
export function letGo(socket: net.Socket): void {
  socket.removeAllListeners()
  const inside = socket as Inside
  if (known !== undefined && typeof inside[known.callback] === 'function') inside[known.callback] = null
}

function partsOf(socket: net.Socket): Parts | undefined {
  const named = new Map(Object.getOwnPropertySymbols(socket).map((each) => [each.description, each]))
  const buffer = named.get('kBuffer')
  const callback = named.get('kBufferCb')
  const maker = named.get('kBufferGen')
  return buffer && callback && maker && { buffer, callback, maker }
}
