import { type Connection, LineFramer, type overlongLine } from '@posthorn/net'
import { UnendedLine } from './unended-line.ts'

/** Whom the pump works for. */
export interface LineAnswerer {
  readonly connection: Connection
  /** Undefined when the line is answered; a promise when that takes time. */
  answer(line: Buffer | typeof overlongLine): Promise<void> | undefined
  /** `answer` threw or rejected. */
  failed(error: unknown): void
  /** Every line that came is answered. */
  idle(): void
}

/** Input waiting behind a command under way; from here on the client has to wait. */
const waitingLimitBytes = 65_536

/**
 * Lines to their answerer, strictly one after the other, however they arrive (RFC 2449 §6.8). Replies to
 * lines that came together leave together.
 */
export class LinePump {
  readonly #answerer: LineAnswerer
  readonly #framer: LineFramer
  readonly #unended = new UnendedLine((lineEnd) => this.#take(lineEnd))
  #busy = false
  #holding = false
  #paused = false

  constructor(answerer: LineAnswerer, maxLineBytes: number) {
    this.#answerer = answerer
    this.#framer = new LineFramer(maxLineBytes)
  }

  /** A line is being answered. */
  get busy(): boolean {
    return this.#busy
  }

  push(chunk: Buffer): void {
    this.#take(this.#unended.take(chunk, this.#framer.empty ? 'start of a line' : 'within a line'))
  }

  #take(chunk: Buffer): void {
    this.#framer.push(chunk)
    if (!this.#busy) this.#run()
    else if (this.#framer.pendingBytes > waitingLimitBytes && !this.#paused) {
      this.#paused = true
      this.#answerer.connection.pause()
    }
  }

  /** Forgets what was not answered yet. */
  clear(): void {
    this.#unended.forget()
    this.#framer.clear()
  }

  #run(): void {
    this.#hold()
    try {
      while (this.#answerer.connection.open) {
        const line = this.#framer.next()
        if (line === undefined) break
        const wait = this.#answerer.answer(line)
        if (wait === undefined) continue
        this.#busy = true
        this.#wantInput()
        // More is waiting: its replies go with this one's.
        if (this.#framer.empty) this.#release()
        wait.then(this.#resume, this.#resumeFailed)
        return
      }
    } catch (error) {
      this.#answerer.failed(error)
    }
    this.#wantInput()
    this.#answerer.idle()
    this.#release()
    if (!this.#framer.empty) this.#answerer.connection.acknowledge()
  }

  readonly #resume = (): void => {
    this.#busy = false
    this.#run()
  }

  #wantInput(): void {
    if (!this.#paused || this.#framer.pendingBytes > waitingLimitBytes) return
    this.#paused = false
    this.#answerer.connection.resume()
  }

  readonly #resumeFailed = (error: unknown): void => {
    this.#answerer.failed(error)
    this.#resume()
  }

  #hold(): void {
    if (this.#holding) return
    this.#holding = true
    this.#answerer.connection.hold()
  }

  #release(): void {
    if (!this.#holding) return
    this.#holding = false
    this.#answerer.connection.release()
  }
}
