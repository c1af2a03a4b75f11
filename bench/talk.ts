import { createConnection, type Socket } from 'node:net'

/** One IMAP, POP3 or SMTP connection: a line out, everything up to the line that ends the answer back. */
export class Talk {
  readonly #socket: Socket
  #tail = ''
  #waiting:
    | { readonly isEnd: (line: string) => boolean; readonly resolve: (line: string) => void }
    | undefined
  #tag = 0

  constructor(port: number) {
    this.#socket = createConnection({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (text: string) => this.#take(text))
    this.#socket.on('error', (error) => console.error(String(error)))
  }

  #take(text: string): void {
    const end = text.lastIndexOf('\n')
    if (end < 0) {
      this.#tail += text
      return
    }
    const whole = this.#tail + text.slice(0, end)
    this.#tail = text.slice(end + 1)
    const waiting = this.#waiting
    if (waiting === undefined) return
    for (const line of whole.split('\n')) {
      if (!waiting.isEnd(line)) continue
      this.#waiting = undefined
      waiting.resolve(line.trim())
      return
    }
  }

  wait(isEnd: (line: string) => boolean): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting = { isEnd, resolve }
    })
  }

  send(text: string, isEnd: (line: string) => boolean): Promise<string> {
    const answer = this.wait(isEnd)
    this.#socket.write(text)
    return answer
  }

  async imap(command: string): Promise<string> {
    const tag = `t${++this.#tag}`
    const line = await this.send(`${tag} ${command}\r\n`, (each) => each.startsWith(`${tag} `))
    if (!line.startsWith(`${tag} OK`)) throw new Error(`${command.slice(0, 60)}: ${line.slice(0, 200)}`)
    return line
  }

  async append(mailbox: string, message: Buffer): Promise<string> {
    const tag = `t${++this.#tag}`
    const done = this.wait((line) => line.startsWith(`${tag} `))
    this.#socket.write(`${tag} APPEND ${mailbox} {${message.length}+}\r\n`)
    this.#socket.write(message)
    this.#socket.write('\r\n')
    const line = await done
    if (!line.startsWith(`${tag} OK`)) throw new Error(`APPEND: ${line.slice(0, 200)}`)
    return line
  }

  /** Sends a command and hears no answer. */
  begin(command: string): void {
    this.#socket.write(`t${++this.#tag} ${command}\r\n`)
  }

  end(): void {
    this.#socket.destroy()
  }
}
