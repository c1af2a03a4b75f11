import { createConnection, type Socket } from 'node:net'
import tls from 'node:tls'

/** A raw connection that remembers all it heard. */
export class Wire {
  readonly socket: Socket
  heard = ''
  closed = false
  #waiting: (() => void)[] = []

  constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.heard += text
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.#wake()
    })
  }

  static async open(port: number): Promise<Wire> {
    const socket = createConnection(port, '127.0.0.1')
    const wire = new Wire(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return wire
  }

  #wake(): void {
    for (const waiting of this.#waiting.splice(0)) waiting()
  }

  send(bytes: string | Uint8Array): void {
    if (typeof bytes === 'string') this.socket.write(bytes, 'latin1')
    else this.socket.write(bytes)
  }

  /** Waits until what was heard matches, or the connection closed; rejects after `timeoutMs`. */
  async hears(wanted: RegExp, timeoutMs = 10_000): Promise<string> {
    const endMs = performance.now() + timeoutMs
    while (!wanted.test(this.heard)) {
      const leftMs = endMs - performance.now()
      if (this.closed) throw new Error(`closed before ${wanted}; heard: ${this.heard.slice(-500)}`)
      if (leftMs <= 0) throw new Error(`waited in vain for ${wanted}; heard: ${this.heard.slice(-500)}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        this.#waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
    return this.heard
  }

  /** What is answered to a line, once that ends as wanted. */
  async say(line: string, end = /\r\n$/): Promise<string> {
    const from = this.heard.length
    this.send(`${line}\r\n`)
    await this.hears(new RegExp(`^[^]{${from}}[^]*${end.source}`))
    return this.heard.slice(from).trim()
  }

  async untilClosed(timeoutMs = 10_000): Promise<string> {
    const endMs = performance.now() + timeoutMs
    while (!this.closed && performance.now() < endMs) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50)
        this.#waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
    if (!this.closed) throw new Error(`still open; heard: ${this.heard.slice(-500)}`)
    return this.heard
  }

  close(): void {
    this.socket.destroy()
  }
}

/** What was a connection to an SMTP port in the clear; its handshake has begun. RFC 3207. */
export async function startTls(port: number, options: tls.ConnectionOptions): Promise<tls.TLSSocket> {
  const plain = await Wire.open(port)
  await plain.hears(/^220 .*\r\n/)
  plain.send('EHLO client.example.net\r\n')
  await plain.hears(/\r\n250 .*\r\n/)
  plain.send('STARTTLS\r\n')
  await plain.hears(/\r\n220 .*\r\n$/)
  plain.socket.removeAllListeners('data')
  return tls.connect({ socket: plain.socket, ...options })
}
