import net from 'node:net'

/** What the peer does when a line (or the end of data) comes: says something, or worse. */
export type PeerAction = string | 'DROP' | 'RESET' | 'SILENCE'

export type PeerScript = Readonly<Record<string, PeerAction | readonly PeerAction[]>>

export interface ScriptedPeer {
  readonly port: number
  /** Everything each connection received. */
  readonly received: readonly string[]
  readonly connections: number
  /** Waits until what one of them received matches. */
  hears(wanted: RegExp): Promise<void>
  /** From now on by another table, as if nothing had come before. */
  play(script: PeerScript): void
  close(): void
}

/**
 * A server for tests that answers by a table: key `EHLO`, `RCPT TO:<x@y>` or a verb; 'greeting' and '.' for
 * the end of data. A list is used up answer by answer over all connections, its last one stays.
 */
export const scriptedPeer = async (
  first: PeerScript,
  where: { readonly host?: string; readonly port?: number } = {},
): Promise<ScriptedPeer> => {
  let script = first
  const received: string[] = []
  const sockets = new Set<net.Socket>()
  const used = new Map<string, number>()
  let connections = 0
  const actionFor = (keys: readonly string[], fallback: string): PeerAction => {
    for (const key of keys) {
      const entry = script[key]
      if (entry === undefined) continue
      if (typeof entry === 'string') return entry
      const at = used.get(key) ?? 0
      used.set(key, at + 1)
      return entry[Math.min(at, entry.length - 1)] ?? fallback
    }
    return fallback
  }
  const act = (socket: net.Socket, action: PeerAction): void => {
    if (action === 'DROP') socket.end()
    else if (action === 'RESET') socket.resetAndDestroy()
    else if (action.endsWith('\nDROP')) socket.end(`${action.slice(0, -5)}\r\n`)
    else if (action !== 'SILENCE') socket.write(`${action.replaceAll('\n', '\r\n')}\r\n`)
  }
  const server = net.createServer((socket) => {
    const index = received.push('') - 1
    let pending = ''
    let inData = false
    connections++
    sockets.add(socket)
    socket.on('error', () => undefined)
    act(socket, actionFor(['greeting'], '220 peer.test ESMTP'))
    const line = (text: string): void => {
      if (inData) {
        if (text !== '.') return
        inData = false
        act(socket, actionFor(['.'], '250 2.0.0 Ok: queued as PEER'))
        return
      }
      const verb = (text.split(/[ :]/)[0] ?? '').toUpperCase()
      const path = text.split('>')[0]
      const usual = {
        EHLO: '250-peer.test\n250-PIPELINING\n250 SIZE 1000000',
        DATA: '354 go on',
        QUIT: '221 Bye',
      }
      const action = actionFor([`${path}>`, text, verb], usual[verb as keyof typeof usual] ?? '250 2.0.0 Ok')
      if (verb === 'DATA' && action.startsWith('354')) inData = true
      act(socket, action)
      if (verb === 'QUIT') socket.end()
    }
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1')
      received[index] = (received[index] ?? '') + text
      const lines = (pending + text).split('\r\n')
      pending = lines.pop() ?? ''
      for (const each of lines) line(each)
    })
  })
  await new Promise<void>((resolve) => server.listen(where.port ?? 0, where.host ?? '127.0.0.1', resolve))
  return {
    port: (server.address() as net.AddressInfo).port,
    received,
    get connections() {
      return connections
    },
    async hears(wanted) {
      for (const endMs = performance.now() + 10_000; !received.some((text) => wanted.test(text)); ) {
        if (performance.now() > endMs) throw new Error(`${wanted} in vain; heard ${JSON.stringify(received)}`)
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    },
    play(next) {
      script = next
      used.clear()
      received.splice(0)
      connections = 0
      for (const socket of sockets) socket.destroy()
    },
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
