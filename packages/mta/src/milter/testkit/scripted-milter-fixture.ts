import type { AddressInfo } from 'node:net'
import { createServer, type Server, type Socket } from 'node:net'

/** A milter that says what it is told, for tests. */
export interface ScriptedMilter {
  /** `inet:127.0.0.1:port`. */
  readonly spec: string
  /** What it was sent: the letter, then the data with NULs as `|`; macros too. */
  readonly heard: string[]
  readonly connections: number
  /** Of these, those that have not ended. */
  readonly open: number
  close(): Promise<void>
}

export interface MilterScript {
  /** Replies by letter of the event; default: continue. A function is given the data. */
  readonly replies?: Readonly<Record<string, readonly Buffer[] | ((data: Buffer) => readonly Buffer[])>>
  readonly actions?: number
  readonly steps?: number
  /** The answer to the negotiation in place of the usual one. */
  readonly negotiation?: Buffer
  /** Octets go out one at a time. */
  readonly pieces?: 'one-by-one'
  /** Says nothing to these. */
  readonly silentAt?: string
  /** Hangs up on these. */
  readonly dropsAt?: string
}

export const milterFrame = (letter: string, data: string | Buffer = ''): Buffer => {
  const octets = Buffer.from(data)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(octets.length + 1)
  head.write(letter, 4, 'latin1')
  return Buffer.concat([head, octets])
}

export const number32 = (value: number): Buffer => {
  const octets = Buffer.alloc(4)
  octets.writeUInt32BE(value >>> 0)
  return octets
}

export async function startMilter(script: MilterScript = {}): Promise<ScriptedMilter> {
  const heard: string[] = []
  const open = new Set<Socket>()
  let connections = 0
  const server: Server = createServer((socket) => {
    connections++
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    let received = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 4 && received.length >= received.readUInt32BE(0) + 4) {
        const length = received.readUInt32BE(0)
        const frame = received.subarray(4, 4 + length)
        received = received.subarray(4 + length)
        answer(script, heard, socket, frame)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    spec: `inet:127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    get connections() {
      return connections
    },
    get open() {
      return open.size
    },
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function answer(script: MilterScript, heard: string[], socket: Socket, frame: Buffer): void {
  const letter = String.fromCharCode(frame[0] ?? 0)
  const data = frame.subarray(1)
  heard.push(letter + data.toString('latin1').replaceAll('\0', '|'))
  const say = (octets: Buffer): void => {
    if (script.pieces === undefined) socket.write(octets)
    else for (const octet of octets) socket.write(Buffer.from([octet]))
  }
  if (script.dropsAt?.includes(letter) === true) socket.destroy()
  else if (letter === 'O') {
    const { actions = 0x1ff, steps = 0 } = script
    say(
      script.negotiation ??
        milterFrame('O', Buffer.concat([number32(6), number32(actions), number32(steps)])),
    )
  } else if ('DAQK'.includes(letter) || script.silentAt?.includes(letter) === true) return
  else {
    const scripted = script.replies?.[letter]
    const replies = typeof scripted === 'function' ? scripted(data) : (scripted ?? [milterFrame('c')])
    for (const reply of replies) say(reply)
  }
}
