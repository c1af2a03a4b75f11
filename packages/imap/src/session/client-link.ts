import { type CertifiedClient, certifiedClient, sessionName } from '@posthorn/net'
import type { Store } from '@posthorn/storage'
import type { LiteralSink } from '../commands/command.ts'
import { Framer, type FramerLimits } from '../wire/framer.ts'
import type { Channel } from './channel.ts'
import type { Services } from './services.ts'
import type { Client } from './session.ts'

/** Pipelined input kept while a command runs; above it the client waits (RFC 9051 §5.5). */
const inputAheadBytes = 128 * 1024
/** What nobody who asks for a line accepts. */
const noLine = Buffer.from('\0')

/** The client's end of a session: octets and lines both ways, and nothing of what they mean. */
export class ClientLink implements Client {
  readonly services: Services
  /** Changes once when compression begins. */
  connection: Channel
  /** In log lines. */
  readonly id: string
  readonly framer: Framer
  /** Of the running command; those left there are aborted after it. */
  literals: LiteralSink[] = []
  #paused = false
  #closing: AbortController | undefined
  #stopping: AbortController | undefined
  #line: ((line: Buffer | undefined) => void) | undefined

  constructor(services: Services, connection: Channel, limits: FramerLimits) {
    this.services = services
    this.connection = connection
    this.id = sessionName()
    this.framer = new Framer(limits)
  }

  get store(): Store {
    return this.services.store
  }

  get client(): Client {
    return this
  }

  get remoteAddress(): string {
    return this.connection.remoteAddress
  }

  get localAddress(): string {
    return this.connection.localAddress
  }

  get secure(): Client['secure'] {
    return this.connection.secure
  }

  get certificate(): CertifiedClient | undefined {
    const { certificateUser } = this.services.options()
    return certifiedClient(this.connection.secure?.clientCertificate(), certificateUser)
  }

  get trusted(): boolean {
    return this.services.options().isTrusted(this.connection.remoteAddress)
  }

  get plaintextAuth(): 'allowed' | 'refused' {
    if (this.connection.secure !== undefined || this.trusted) return 'allowed'
    return this.services.options().plaintextAuth
  }

  write(data: string | Uint8Array): Promise<void> | undefined {
    this.connection.write(data)
    return this.connection.drained
  }

  writeAll(pieces: readonly Uint8Array[]): Promise<void> | undefined {
    this.connection.writeAll(pieces)
    return this.connection.drained
  }

  get backlogBytes(): number {
    return this.connection.backlogBytes
  }

  get settled(): boolean {
    return this.connection.backlogBytes === 0
  }

  flush(): void {
    this.connection.flush()
  }

  untagged(text: string): void {
    this.connection.write(`* ${text}\r\n`)
  }

  get gone(): boolean {
    return !this.connection.open
  }

  get signal(): AbortSignal {
    this.#closing ??= new AbortController()
    if (this.gone) this.#closing.abort()
    return this.#closing.signal
  }

  get stopSignal(): AbortSignal {
    this.#stopping ??= new AbortController()
    return this.#stopping.signal
  }

  /** After each command: few commands want one, and an idle client should not keep it. */
  dropSignal(): void {
    this.#closing = undefined
    this.#stopping = undefined
  }

  ask(text: string): Promise<Buffer | undefined> {
    this.connection.write(`+ ${text}\r\n`)
    this.framer.expectLine()
    return new Promise((resolve) => {
      this.#line = resolve
      this.offerLine()
    })
  }

  /** Ends long work of the running command, which throws `reason`. */
  cancelWork(reason: Error): void {
    this.#closing?.abort(reason)
    this.#stopping?.abort(reason)
  }

  /** A command waits for the client, not for us. */
  get awaitsLine(): boolean {
    return this.#line !== undefined
  }

  /** Gives a line that has come to who asked for one. */
  offerLine(): void {
    if (this.#line === undefined) return
    const event = this.framer.next()
    if (event === undefined) return
    const resolve = this.#line
    this.#line = undefined
    resolve(event.kind === 'line' ? event.line : noLine)
  }

  /** Input came while a command runs. */
  holdBack(): void {
    if (this.#paused || this.framer.pendingBytes <= inputAheadBytes) return
    this.#paused = true
    this.connection.pause()
  }

  /** All input has been looked at. */
  wantInput(): void {
    if (!this.#paused) return
    this.#paused = false
    this.connection.resume()
  }

  dropLiterals(): void {
    if (this.literals.length === 0) return
    for (const sink of this.literals) sink.abort()
    this.literals = []
  }

  /** The connection is gone: whoever waits for it need not. */
  letGo(): void {
    this.#closing?.abort()
    const line = this.#line
    this.#line = undefined
    line?.(undefined)
  }
}
