import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, isIP } from 'node:net'
import packet from 'dns-packet'

export interface NameServer {
  /** IP address. */
  readonly address: string
  readonly port: number
}

/** What a name server said; undefined fields of the message are none of our business. */
export interface DnsReply {
  readonly rcode: string
  /** The resolver has validated it. RFC 4035 §3.2.3. */
  readonly authentic: boolean
  readonly answers: readonly packet.Answer[]
}

/** Octets of a UDP answer that no network breaks (DNS flag day 2020). */
const udpPayloadBytes = 1232
const maxTcpBytes = 65_535

/** `192.0.2.1`, `[2001:db8::1]:5353`, `127.0.0.1:53`; undefined: neither. */
export function parseNameServer(text: string): NameServer | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text)
  const address = match === null ? text : (match[1] ?? match[2] ?? '')
  const port = match?.[3] === undefined ? 53 : Number(match[3])
  return isIP(address) === 0 || port < 1 || port > 65_535 ? undefined : { address, port }
}

/** Asks one server one question, over TCP when the answer is cut short. Rejects with a reason. RFC 1035 §4.2. */
export async function askServer(
  server: NameServer,
  question: { readonly name: string; readonly type: packet.RecordType },
  timeoutMs: number,
): Promise<DnsReply> {
  const id = randomInt(65_536)
  const query = packet.encode({
    type: 'query',
    id,
    // RFC 6840 §5.7: AD in a query asks for it in the answer.
    flags: packet.RECURSION_DESIRED | packet.AUTHENTIC_DATA,
    questions: [{ ...question, class: 'IN' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: udpPayloadBytes,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  })
  const reply = readReply(await overUdp(server, query, id, question, timeoutMs))
  if (!reply.truncated) return reply
  const whole = decodeFor(await overTcp(server, query, timeoutMs), id, question)
  if (whole === undefined) throw new Error('malformed reply')
  return readReply(whole)
}

function readReply(message: packet.DecodedPacket): DnsReply & { readonly truncated: boolean } {
  return {
    rcode: (message as { rcode?: string }).rcode ?? 'NOERROR',
    authentic: message.flag_ad,
    truncated: message.flag_tc,
    answers: message.answers ?? [],
  }
}

/** An answer to this very question, or undefined: somebody guesses. RFC 5452 §9.1. */
function decodeFor(
  bytes: Buffer,
  id: number,
  asked: { readonly name: string; readonly type: string },
): packet.DecodedPacket | undefined {
  try {
    const message = packet.decode(bytes)
    const [question] = message.questions ?? []
    const fits =
      message.id === id &&
      message.flag_qr &&
      question?.name.toLowerCase() === asked.name.toLowerCase() &&
      question.type === asked.type
    return fits ? message : undefined
  } catch {
    return undefined
  }
}

function overUdp(
  { address, port }: NameServer,
  query: Buffer,
  id: number,
  question: { readonly name: string; readonly type: string },
  timeoutMs: number,
): Promise<packet.DecodedPacket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4')
    const timer = setTimeout(() => end(new Error('query timed out')), timeoutMs)
    const end = (result: Error | packet.DecodedPacket): void => {
      clearTimeout(timer)
      socket.removeAllListeners()
      socket.on('error', () => undefined)
      socket.close()
      if (result instanceof Error) reject(result)
      else resolve(result)
    }
    socket.on('error', end)
    socket.on('message', (bytes) => {
      const message = decodeFor(bytes, id, question)
      if (message !== undefined) end(message)
    })
    // Connected: the kernel drops what comes from elsewhere, and tells when nobody listens.
    socket.connect(port, address, () => socket.send(query))
  })
}

function overTcp({ address, port }: NameServer, query: Buffer, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port })
    const pieces: Buffer[] = []
    let bytes = 0
    const end = (result: Error | Buffer): void => {
      clearTimeout(timer)
      socket.destroy()
      if (result instanceof Error) reject(result)
      else resolve(result)
    }
    const timer = setTimeout(() => end(new Error('query timed out')), timeoutMs)
    const length = Buffer.alloc(2)
    length.writeUInt16BE(query.length)
    socket.on('connect', () => socket.write(Buffer.concat([length, query])))
    socket.on('error', end)
    socket.on('close', () => end(new Error('connection closed')))
    socket.on('data', (piece) => {
      pieces.push(piece)
      bytes += piece.length
      if (bytes > maxTcpBytes + 2) return end(new Error('malformed reply'))
      const all = Buffer.concat(pieces)
      if (all.length >= 2 && all.length >= 2 + all.readUInt16BE(0))
        end(all.subarray(2, 2 + all.readUInt16BE(0)))
      return undefined
    })
  })
}
