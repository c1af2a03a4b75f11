import { FramedStream } from '@posthorn/net'
import type { MilterOptions } from './milter-options.ts'
import type { MilterSpec } from './milter-spec.ts'
import { events, type MacroStage, type MilterEvent } from './wire/constants.ts'
import { frameLength, MilterSyntaxError } from './wire/frame.ts'
import { decodeNegotiation, encodeOffer, type Negotiated } from './wire/negotiation.ts'
import { decodeReply, type MilterReply } from './wire/reply.ts'
import { encodeAbort, encodeMacros, encodeQuit } from './wire/requests.ts'

export type MacroValues = (name: string) => string | undefined

/** A connection that broke, was too slow, or said what it may not. */
export class MilterFailure extends Error {
  override readonly name = 'MilterFailure'
  /** 'protocol': it speaks, but not as agreed. */
  readonly kind: 'connection' | 'protocol'
  constructor(kind: 'connection' | 'protocol', message: string) {
    super(message)
    this.kind = kind
  }
}

/** A filter that has been greeted: events out, replies in. Everything rejects with MilterFailure. */
export class MilterConnection {
  readonly #stream: FramedStream
  readonly #name: string
  readonly #negotiated: Negotiated
  readonly #macros: Readonly<Record<MacroStage, readonly string[]>>

  private constructor(stream: FramedStream, name: string, negotiated: Negotiated, options: MilterOptions) {
    this.#stream = stream
    this.#name = name
    this.#negotiated = negotiated
    this.#macros = options.macros
  }

  /** Connects and agrees on a version, actions and steps. */
  static async open(
    { name, address, settings }: MilterSpec,
    options: MilterOptions,
  ): Promise<MilterConnection> {
    const stream = await FramedStream.open({
      address,
      connectTimeoutMs: settings.connectTimeoutMs,
      frameLength,
    }).catch((error: unknown) => {
      throw new MilterFailure('connection', `connect to Milter service ${name}: ${reasonOf(error)}`)
    })
    try {
      await stream.write(encodeOffer(settings.protocol), settings.commandTimeoutMs)
      const answer = await stream.read(settings.commandTimeoutMs)
      return new MilterConnection(stream, name, decodeNegotiation(answer, settings.protocol), options)
    } catch (error) {
      stream.destroy()
      throw asFailure(name, error)
    }
  }

  get steps(): number {
    return this.#negotiated.steps
  }
  get actions(): number {
    return this.#negotiated.actions
  }

  wants(event: MilterEvent): boolean {
    return (this.#negotiated.steps & events[event].unwanted) === 0
  }

  /** Sends an event with its macros. undefined: the filter gives no reply to it. */
  async tell(
    event: MilterEvent,
    frame: Buffer,
    timeoutMs: number,
    macros?: { readonly stage: MacroStage; readonly values: MacroValues },
  ): Promise<MilterReply | undefined> {
    try {
      this.#mustBeInStep()
      if (macros !== undefined) {
        const names = this.#negotiated.macros.get(macros.stage) ?? this.#macros[macros.stage]
        const sent = encodeMacros(events[event].letter, names, macros.values)
        if (sent !== undefined) await this.#stream.write(sent, timeoutMs)
      }
      await this.#stream.write(frame, timeoutMs)
      if ((this.#negotiated.steps & events[event].unanswered) !== 0) return undefined
      return decodeReply(await this.#stream.read(timeoutMs))
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /** A reply too many would be taken for the answer to this event, that one for the next one's, and so on. */
  #mustBeInStep(): void {
    if (this.#stream.unreadBytes > 0) throw new MilterSyntaxError('more replies than events')
  }

  /** The next reply, after one that promised more. */
  async next(timeoutMs: number): Promise<MilterReply> {
    try {
      return decodeReply(await this.#stream.read(timeoutMs))
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /** The message is over; the filter waits for the next. */
  abort(): void {
    // A few octets to one that reads nothing stay in the system's own buffers.
    if (this.#stream.usable) this.#stream.write(encodeAbort(), 1_000).catch(() => {})
  }

  quit(): void {
    if (this.#stream.usable) this.#stream.end(encodeQuit('close'))
  }

  destroy(): void {
    this.#stream.destroy()
  }

  #failed(error: unknown): MilterFailure {
    this.#stream.destroy()
    return asFailure(this.#name, error)
  }
}

function asFailure(name: string, error: unknown): MilterFailure {
  const kind = error instanceof MilterSyntaxError ? 'protocol' : 'connection'
  return new MilterFailure(kind, `milter ${name}: can't read reply: ${reasonOf(error)}`)
}

const systemReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  ETIMEDOUT: 'Connection timed out',
  ECONNRESET: 'Connection reset by peer',
  EPIPE: 'Broken pipe',
  ENOTFOUND: 'Host not found',
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? String(error.code) : ''
  return systemReasons[code] ?? error.message
}
