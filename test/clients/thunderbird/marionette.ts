import { connect, type Socket } from 'node:net'

type Answer = [type: 1, id: number, error: { error: string; message: string } | null, result: unknown]

/** The remote control of Mozilla programs: JSON packets with their length before them. */
export class Marionette {
  readonly #socket: Socket
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #received: Buffer = Buffer.alloc(0)
  #lastId = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      for (const [id, settle] of this.#waiting)
        settle([1, id, { error: 'closed', message: 'the program closed the connection' }, null])
    })
  }

  /** undefined while nobody listens there. */
  static async connect(port: number): Promise<Marionette | undefined> {
    const socket = connect(port, '127.0.0.1')
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    if (!open) return undefined
    const marionette = new Marionette(socket)
    await marionette.#call('WebDriver:NewSession', { capabilities: { alwaysMatch: {} } })
    await marionette.#call('Marionette:SetContext', { value: 'chrome' })
    await marionette.#call('WebDriver:SetTimeouts', { script: 120_000 })
    return marionette
  }

  /** Runs the body of an async function, with `args`, inside the program. */
  async run(body: string, args: readonly unknown[] = []): Promise<unknown> {
    const script = `
      const done = arguments[arguments.length - 1]
      const args = [...arguments].slice(0, -1)
      ;(async () => { ${body} })().then(
        (value) => done({ value: value ?? null }),
        (error) => done({ error: String(error) + ' ' + (error?.stack ?? '') }),
      )`
    const result = (await this.#call('WebDriver:ExecuteAsyncScript', {
      script,
      args,
      sandbox: 'system',
      newSandbox: false,
    })) as { value: { value?: unknown; error?: string } | null }
    // A dialogue that nobody expects ends the script.
    if (result.value === null) throw new Error('the client asked its user something')
    if (result.value.error !== undefined) throw new Error(`in the client: ${result.value.error}`)
    return result.value.value
  }

  close(): void {
    this.#socket.destroy()
  }

  async #call(name: string, parameters: object): Promise<unknown> {
    const id = ++this.#lastId
    const packet = JSON.stringify([0, id, name, parameters])
    const [, , error, result] = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve)
      this.#socket.write(`${Buffer.byteLength(packet)}:${packet}`)
    })
    if (error !== null) throw new Error(`${name}: ${error.message}`)
    return result
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk])
    for (;;) {
      const colon = this.#received.indexOf(':')
      const length = Number(this.#received.toString('latin1', 0, Math.max(0, colon)))
      if (colon < 0 || this.#received.length < colon + 1 + length) return
      const packet: unknown = JSON.parse(this.#received.toString('utf8', colon + 1, colon + 1 + length))
      this.#received = this.#received.subarray(colon + 1 + length)
      // The greeting is an object.
      if (!Array.isArray(packet)) continue
      const answer = packet as Answer
      this.#waiting.get(answer[1])?.(answer)
      this.#waiting.delete(answer[1])
    }
  }
}
