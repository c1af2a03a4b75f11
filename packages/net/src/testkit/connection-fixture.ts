import * as net from 'node:net'
import { after } from 'node:test'
import type { Connection } from '../connection.ts'
import type { CloseReason, ConnectionHandler } from '../connection-handler.ts'
import { type Listener, type ListenOptions, listen } from '../listener.ts'
import type { TlsCredentials } from '../tls-credentials.ts'

/** Closed when the file's tests are done. */
export const opened: (Listener | net.Socket)[] = []

after(async () => {
  for (const one of opened) {
    if (one instanceof net.Socket) one.destroy()
    else await one.close()
  }
})

/** A session that echoes lines and does a little on request. */
export class Echo implements ConnectionHandler {
  readonly connection: Connection
  readonly got: string[] = []
  ends = 0
  readonly over = Promise.withResolvers<{ reason: CloseReason; error: Error | undefined }>()
  credentials: TlsCredentials | undefined

  constructor(connection: Connection) {
    this.connection = connection
    connection.attach(this)
    connection.write('hello\r\n')
  }

  bytes(chunk: Buffer): void {
    const text = chunk.toString('latin1')
    this.got.push(text)
    if (text.startsWith('THROW')) throw new Error('session fault')
    if (text.startsWith('QUIT')) {
      this.connection.write('bye\r\n')
      this.connection.end()
    } else if (text.startsWith('STARTTLS')) void this.connection.startTls('go\r\n', this.credentials!)
    else this.connection.write(chunk)
  }

  ended(): void {
    this.ends++
    this.connection.end()
  }

  closed(reason: CloseReason, error: Error | undefined): void {
    this.over.resolve({ reason, error })
  }
}

export interface Server {
  readonly listener: Listener
  readonly faults: unknown[]
  readonly failed: (Error | undefined)[]
  session(): Promise<Echo>
}

export async function serve(
  options: Partial<ListenOptions> & { credentials?: TlsCredentials } = {},
): Promise<Server> {
  const faults: unknown[] = []
  const failed: (Error | undefined)[] = []
  const sessions: Echo[] = []
  const waiting: ((session: Echo) => void)[] = []
  const { credentials, ...rest } = options
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    onFault: (error) => faults.push(error),
    onHandshakeFailed: (_, error) => failed.push(error),
    onConnection(connection) {
      const session = new Echo(connection)
      session.credentials = credentials
      const next = waiting.shift()
      if (next === undefined) sessions.push(session)
      else next(session)
    },
    ...rest,
  })
  opened.push(listener)
  const session = (): Promise<Echo> => {
    const ready = sessions.shift()
    return ready === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(ready)
  }
  return { listener, faults, failed, session }
}

export function dial(listener: Listener): net.Socket {
  const socket = net.connect({ host: '127.0.0.1', port: listener.port, noDelay: true })
  socket.on('error', () => {})
  opened.push(socket)
  return socket
}

/** Reads until `text` has come. */
export function expect(socket: net.Socket, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = ''
    const onData = (chunk: Buffer): void => {
      seen += chunk.toString('latin1')
      if (!seen.includes(text)) return
      socket.removeListener('data', onData)
      socket.removeListener('close', onClose)
      resolve(seen)
    }
    const onClose = (): void =>
      reject(new Error(`closed before ${JSON.stringify(text)}: ${JSON.stringify(seen)}`))
    socket.on('data', onData)
    socket.on('close', onClose)
  })
}

export const closed = (socket: net.Socket): Promise<void> =>
  socket.destroyed ? Promise.resolve() : new Promise((resolve) => socket.once('close', () => resolve()))
