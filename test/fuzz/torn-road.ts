import net from 'node:net'
import type { Random } from './piecewise.ts'

export interface RoadEnd {
  /** 0 of a road that begins at a path. */
  readonly port: number
}

/**
 * Between a client and a server: what either sends comes in random pieces, some of them together.
 * @param at path of a Unix socket where it begins; a port of its own unless given
 */
export async function tornRoad(
  t: { after(work: () => void): void },
  to: net.NetConnectOpts,
  random: Random,
  at?: string,
): Promise<RoadEnd> {
  const sockets = new Set<net.Socket>()
  const kept = (socket: net.Socket): void => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  }
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = net.connect({ ...to, allowHalfOpen: true, noDelay: true } as net.NetConnectOpts)
    kept(near)
    kept(far)
    carry(near, far, random)
    carry(far, near, random)
  })
  await new Promise<void>((resolve) =>
    at === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(at, resolve),
  )
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { port: at === undefined ? (server.address() as net.AddressInfo).port : 0 }
}

function carry(from: net.Socket, to: net.Socket, random: Random): void {
  const most = [3, 40, 600, 8_000][random(4)] as number
  let held = Buffer.alloc(0)
  let isOver = false
  let isWaiting = false
  const wait = (ms: number): void => {
    if (!isWaiting) setTimeout(goOn, ms)
    isWaiting = true
  }
  const goOn = (): void => {
    isWaiting = false
    for (let pieces = 1 + random(200); pieces > 0 && held.length > 0; pieces--) {
      const piece = held.subarray(0, 1 + random(most))
      held = held.subarray(piece.length)
      to.write(piece)
      // The rest in a turn of its own: a segment of its own.
      if (random(8) === 0) break
    }
    if (held.length > 0) wait(random(3))
    else if (isOver) to.end()
  }
  from.on('data', (octets) => {
    held = Buffer.concat([held, octets])
    wait(random(4))
  })
  from.on('end', () => {
    isOver = true
    wait(0)
  })
  from.on('close', (hadError) => {
    if (hadError) to.destroy()
  })
}
