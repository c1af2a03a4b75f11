/** For tests of the whole service: a server on a free port, and a client that reads replies one by one. */
import { once } from 'node:events'
import net from 'node:net'
import type { TestContext } from 'node:test'
import tls from 'node:tls'
import { TlsCredentials } from '@posthorn/net'
import { createSelfSigned } from '../../server/src/tls/self-signed.ts'
import { RecordingHandler } from './handler-fixture.ts'
import { createSmtpService, type SmtpListen, type SmtpOptions } from './index.ts'

const credentials = new TlsCredentials(await createSelfSigned(['mx.test'], Date.now()))

export const serve = async (
  t: TestContext,
  setting: {
    options?: Partial<SmtpOptions>
    listen?: Partial<SmtpListen>
    trusted?: boolean
    noTls?: true
  } = {},
) => {
  const handler = new RecordingHandler()
  handler.trusted = setting.trusted ?? true
  const faults: unknown[] = []
  const service = createSmtpService({
    handler,
    options: { hostname: 'mx.test', ...setting.options },
    log: (event) => event.error !== undefined && faults.push(event.error),
    ...(setting.noTls ? {} : { tls: credentials }),
  })
  t.after(() => service.close('now'))
  const listening = await service.listen({ service: 'mx', host: '127.0.0.1', port: 0, ...setting.listen })
  return { handler, service, port: listening.port, faults, listening }
}

/** Reads replies one by one. */
export class Client {
  socket: net.Socket
  #text = ''
  closed = false

  constructor(socket: net.Socket) {
    this.socket = socket
    this.#listen()
  }

  static async open(port: number): Promise<Client> {
    const socket = net.connect(port, '127.0.0.1')
    const client = new Client(socket)
    await once(socket, 'connect')
    return client
  }

  #listen(): void {
    this.socket.on('data', (chunk) => {
      this.#text += chunk.toString('latin1')
    })
    this.socket.on('close', () => {
      this.closed = true
    })
    this.socket.on('error', () => undefined)
  }

  /** The next reply, all its lines; what is left when the server closes. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/.exec(this.#text)
      if (match !== null) {
        this.#text = this.#text.slice(match[0].length)
        return match[0].trimEnd()
      }
      if (this.closed) return this.#text
      await Promise.race([once(this.socket, 'data'), once(this.socket, 'close')])
    }
  }

  async ask(line: string): Promise<string> {
    this.socket.write(`${line}\r\n`)
    return this.reply()
  }

  async startTls(): Promise<void> {
    this.socket.removeAllListeners('data')
    this.socket = tls.connect({ socket: this.socket, rejectUnauthorized: false })
    await once(this.socket, 'secureConnect')
    this.#listen()
  }
}
