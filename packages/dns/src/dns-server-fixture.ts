import { createSocket, type Socket } from 'node:dgram'
import { type AddressInfo, createServer, type Server } from 'node:net'
import packet from 'dns-packet'

/** How a name is answered: validated, not signed, or with a signature that is wrong (SERVFAIL), or not at all. */
export type Standing = 'secure' | 'insecure' | 'bogus' | 'silent'

export interface TestDnsServer {
  /** `127.0.0.1:PORT`, for SecureResolverOptions.servers. */
  readonly server: string
  /** `MX example.org`, in order. */
  readonly asked: string[]
  close(): void
}

/**
 * A validating resolver for tests. Each row is a record with the standing of its zone; a name without rows is
 * NXDOMAIN, secure when a parent of it is in `signed`.
 */
export async function testDnsServer(
  rows: readonly (readonly [standing: Standing, record: packet.Answer])[],
  signed: readonly string[] = [],
  options: { readonly truncate?: true } = {},
): Promise<TestDnsServer> {
  const asked: string[] = []
  const answer = (query: Buffer, way: 'udp' | 'tcp'): Buffer | undefined => {
    const message = packet.decode(query)
    const question = message.questions?.[0]
    if (question === undefined) return undefined
    const name = question.name.toLowerCase()
    asked.push(`${question.type} ${name}`)
    const found: (readonly [Standing, packet.Answer])[] = []
    let at = name
    for (let hop = 0; hop < 5; hop++) {
      const here = rows.filter(([, { name: owner }]) => owner === at)
      const alias = here.find(([, { type }]) => type === 'CNAME')
      found.push(...here.filter(([, { type }]) => type === question.type || type === 'CNAME'))
      if (alias === undefined || alias[1].type !== 'CNAME' || question.type === 'CNAME') break
      at = alias[1].data
    }
    const standings = found.map(([standing]) => standing)
    const whole = rows.filter(([, { name: owner }]) => owner === name).map(([standing]) => standing)
    if (standings.includes('silent') || (found.length === 0 && whole.includes('silent'))) return undefined
    const bogus = standings.includes('bogus')
    const inSigned = signed.some((zone) => name === zone || name.endsWith(`.${zone}`))
    const secure = found.length > 0 ? standings.every((one) => one === 'secure') : inSigned
    const nxdomain = found.length === 0 && whole.length === 0
    const cut = options.truncate === true && way === 'udp'
    return packet.encode({
      type: 'response',
      id: message.id ?? 0,
      flags:
        packet.RECURSION_DESIRED |
        packet.RECURSION_AVAILABLE |
        (secure && !bogus ? packet.AUTHENTIC_DATA : 0) |
        (cut ? packet.TRUNCATED_RESPONSE : 0) |
        (bogus ? 2 : nxdomain ? 3 : 0),
      questions: [question],
      answers: bogus || cut ? [] : found.map(([, record]) => record),
    })
  }
  const udp = createSocket('udp4')
  udp.on('message', (query, from) => {
    const reply = answer(query, 'udp')
    if (reply !== undefined) udp.send(reply, from.port, from.address)
  })
  const tcp = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      const reply = answer(chunk.subarray(2), 'tcp')
      if (reply === undefined) return
      const length = Buffer.alloc(2)
      length.writeUInt16BE(reply.length)
      // In two pieces, as networks do.
      socket.write(length)
      socket.write(reply)
    })
  })
  const port = await openBoth(tcp, udp)
  return {
    server: `127.0.0.1:${port}`,
    asked,
    close: () => {
      udp.close()
      tcp.close()
    },
  }
}

/** The same free port for both; another process may have one of them. */
async function openBoth(tcp: Server, udp: Socket): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve))
    const { port } = tcp.address() as AddressInfo
    const bound = await new Promise<Error | undefined>((resolve) => {
      udp.once('error', resolve)
      udp.bind(port, '127.0.0.1', () => {
        udp.off('error', resolve)
        resolve(undefined)
      })
    })
    if (bound === undefined) return port
    await new Promise((resolve) => tcp.close(resolve))
    if (attempt === 9) {
      udp.close()
      throw bound
    }
  }
}
