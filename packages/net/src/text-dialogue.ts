import { createConnection, type Socket } from 'node:net'

const maxReplyOctets = 65_536

/**
 * A client's side of SMTP, POP3 or IMAP typed line by line, for asking whether somebody answers and what. Every
 * wait is bounded; a fault rejects.
 */
export class TextDialogue {
  readonly #socket: Socket
  readonly #timeoutMs: number
  #heard = ''
  #fault: Error | undefined
  #wake: () => void = () => undefined

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket
    this.#timeoutMs = timeoutMs
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.#heard = (this.#heard + text).slice(-maxReplyOctets)
      this.#wake()
    })
    socket.on('error', (error) => this.#end(error))
    socket.on('close', () => this.#end(new Error('connection closed')))
  }

  /** @param first octets before anything is heard: a PROXY header. */
  static async open(
    at: { readonly host: string; readonly port: number; readonly timeoutMs: number },
    first = '',
  ): Promise<TextDialogue> {
    const socket = createConnection({ host: at.host, port: at.port })
    const dialogue = new TextDialogue(socket, at.timeoutMs)
    const { promise, resolve } = Promise.withResolvers<void>()
    socket.once('connect', resolve)
    dialogue.#wake = resolve
    await dialogue.#inTime(promise)
    if (first !== '') socket.write(first, 'latin1')
    return dialogue
  }

  /** The reply up to a line that SMTP ends one with: `220 …`. POP3's and IMAP's greeting are one line. */
  async reply(last = /^(?:\d{3}(?: .*)?|[+*-].*)\r?\n/m): Promise<string> {
    for (;;) {
      const match = last.exec(this.#heard)
      if (match !== null) {
        const end = match.index + match[0].length
        const reply = this.#heard.slice(0, end)
        this.#heard = this.#heard.slice(end)
        return reply.trimEnd()
      }
      if (this.#fault !== undefined) throw this.#fault
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await this.#inTime(promise)
    }
  }

  async say(line: string): Promise<string> {
    this.#socket.write(`${line}\r\n`, 'latin1')
    return await this.reply()
  }

  close(): void {
    this.#socket.destroy()
  }

  #end(error: Error): void {
    this.#fault ??= error
    this.#wake()
  }

  async #inTime(waiting: Promise<void>): Promise<void> {
    const timer = setTimeout(() => {
      this.#end(new Error(`no answer in ${this.#timeoutMs} ms`))
      this.close()
    }, this.#timeoutMs)
    await waiting
    clearTimeout(timer)
    if (this.#fault !== undefined && this.#heard === '') {
      this.close()
      throw this.#fault
    }
  }
}
