import { createSocket } from 'node:dgram'

const packetOctets = 48
/** Seconds from 1900 to 1970. RFC 5905 §6. */
const epochSeconds = 2_208_988_800

export type ClockAnswer =
  /** Positive: our clock is slow. */
  | { readonly kind: 'offset'; readonly offsetMs: number }
  | { readonly kind: 'unreachable'; readonly reason: string }

/** How far our clock is from a time server's, by one question. SNTP, RFC 4330 §5. Never rejects, never longer than `timeoutMs`. */
export function askTimeServer(
  server: { readonly host: string; readonly port?: number; readonly timeoutMs: number },
  now: () => number = Date.now,
): Promise<ClockAnswer> {
  const { promise, resolve } = Promise.withResolvers<ClockAnswer>()
  const question = Buffer.alloc(packetOctets)
  question[0] = 0x23
  const sentMs = now()
  writeTime(question, 40, sentMs)
  const family = server.host.includes(':') ? 'udp6' : 'udp4'
  const socket = createSocket(family)
  const end = (answer: ClockAnswer): void => {
    clearTimeout(deadline)
    try {
      socket.close()
    } catch {
      // Closed already.
    }
    resolve(answer)
  }
  const deadline = setTimeout(
    () => end({ kind: 'unreachable', reason: `no answer in ${server.timeoutMs} ms` }),
    server.timeoutMs,
  )
  socket.on('error', (error) => end({ kind: 'unreachable', reason: error.message }))
  socket.on('message', (answer) => {
    const offsetMs = offsetOf(answer, question, sentMs, now())
    if (offsetMs !== undefined) end({ kind: 'offset', offsetMs })
  })
  socket.send(question, server.port ?? 123, server.host, (error) => {
    if (error !== null) end({ kind: 'unreachable', reason: error.message })
  })
  return promise
}

/** undefined: not an answer to this question, or the server has no time itself. */
function offsetOf(answer: Buffer, question: Buffer, sentMs: number, nowMs: number): number | undefined {
  const mode = (answer[0] ?? 0) & 7
  const stratum = answer[1] ?? 0
  if (answer.length < packetOctets || mode !== 4 || stratum === 0 || stratum > 15) return undefined
  // What it repeats must be ours: a stranger's packet tells nothing.
  if (!answer.subarray(24, 32).equals(question.subarray(40, 48))) return undefined
  const [received, sentBack] = [readTime(answer, 32), readTime(answer, 40)]
  return Math.round((received - sentMs + (sentBack - nowMs)) / 2)
}

function writeTime(packet: Buffer, at: number, ms: number): void {
  packet.writeUInt32BE((Math.floor(ms / 1000) + epochSeconds) >>> 0, at)
  packet.writeUInt32BE(Math.floor(((ms % 1000) / 1000) * 2 ** 32) >>> 0, at + 4)
}

const readTime = (packet: Buffer, at: number): number =>
  (packet.readUInt32BE(at) - epochSeconds) * 1000 + (packet.readUInt32BE(at + 4) / 2 ** 32) * 1000
