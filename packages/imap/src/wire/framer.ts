/**
 * Bytes in any split → commands. A push machine for what arrives, a pull machine for what it means:
 * `push` bytes, then call `next` until it gives undefined. Knows no socket, no clock and no command.
 */
import { CommandText } from './command-text.ts'
import { announcedLiteral, type Frame, type LiteralAnnouncement, type StreamedLiteral } from './frame.ts'
import { OctetInput } from './octet-input.ts'

export interface FramerLimits {
  /** Octets of one command: its lines and the literals kept in memory. */
  readonly commandBytes: number
  /** Literals of one command; each costs memory beside its octets. Default: no other bound than `commandBytes`. */
  readonly literals?: number
  /** A refused `{n+}` literal up to this size is read and dropped; a larger one asks to close. */
  readonly swallowBytes: number
}

/** Dovecot: imap_max_line_length = 64k; before login no command needs more than ID (RFC 2971 §3.3). */
export const framerLimits: FramerLimits = { commandBytes: 64 * 1024, swallowBytes: 256 * 1024 * 1024 }
export const framerLimitsBeforeLogin: FramerLimits = {
  commandBytes: 36 * 1024,
  // 30 fields of ID.
  literals: 64,
  swallowBytes: 64 * 1024,
}

export type FramerEvent =
  | { readonly kind: 'command'; readonly frame: Frame }
  /** A line asked for with `expectLine` (AUTHENTICATE, IDLE), without its line end. */
  | { readonly kind: 'line'; readonly line: Buffer }
  /**
   * A literal is announced: answer with `buffer` (only when `fits`), `stream` or `refuse`. After the first
   * two, and when `sync`, the client waits for a continuation request.
   */
  | {
      readonly kind: 'literal'
      readonly soFar: Frame
      readonly sizeBytes: number
      readonly sync: boolean
      readonly binary: boolean
      readonly fits: boolean
    }
  /** The next octets of a literal answered with `stream`. */
  | { readonly kind: 'octets'; readonly octets: Buffer; readonly last: boolean }
  /** This command cannot be read: answer BAD with the tag found in `soFar`. Its rest is dropped. */
  | { readonly kind: 'unreadable'; readonly soFar: Buffer; readonly reason: 'too-long' | 'nul' }
  /** More is about to be sent than we are willing to drop: say BYE and close. */
  | { readonly kind: 'flood' }

type State =
  | 'line'
  | 'announced'
  | 'buffering'
  | 'streaming'
  | 'swallow-octets'
  | 'swallow-line'
  | 'flood'
  | 'closed'

const nothing: Buffer = Buffer.alloc(0)
/** Enough of an unreadable command to see its tag. */
const soFarBytes = 1024

export class Framer {
  #limits: FramerLimits
  #state: State = 'line'
  readonly #input = new OctetInput()
  #raw = false
  #swallowsRaw = false
  readonly #text = new CommandText()
  #literals: (Buffer | StreamedLiteral)[] = []
  #takenBytes = 0
  #literal: LiteralAnnouncement | undefined
  #octets: Buffer = nothing
  #remainingBytes = 0

  constructor(limits: FramerLimits = framerLimits) {
    this.#limits = limits
  }

  /** For the commands after this one (tighter before login). */
  setLimits(limits: FramerLimits): void {
    this.#limits = limits
  }

  push(chunk: Buffer): void {
    this.#input.push(chunk)
  }

  /** Octets that arrived and were not yet looked at. */
  get pendingBytes(): number {
    return this.#input.pendingBytes
  }

  /** The beginning of what arrived and was not yet looked at. */
  peek(maxBytes: number): Buffer {
    return this.#input.peek(maxBytes)
  }

  /** True between commands: nothing of a next one has arrived. */
  get idle(): boolean {
    return this.#state === 'line' && this.#input.empty && this.#text.isEmpty
  }

  /** The next line is not a command: no literals, no tag. Holds for one line. */
  expectLine(): void {
    this.#raw = true
  }

  /** Drops everything received: at STARTTLS nothing said in plaintext may outlive it (RFC 9051 §6.2.1). */
  discard(): void {
    this.#input.clear()
    this.#dropCommand()
    this.#raw = false
    this.#state = 'line'
  }

  /** Keeps the announced literal in the frame. */
  buffer(): void {
    const literal = this.#announced()
    this.#takenBytes += literal.sizeBytes
    this.#octets = Buffer.allocUnsafe(literal.sizeBytes)
    this.#remainingBytes = literal.sizeBytes
    this.#state = 'buffering'
  }

  /** Gives the announced literal out as `octets` events. */
  stream(): void {
    const literal = this.#announced()
    this.#remainingBytes = literal.sizeBytes
    this.#state = 'streaming'
  }

  /** Whether the next octets to come are all given out at once, as those of a literal. */
  streams(lengthBytes: number): boolean {
    return (
      this.#state === 'streaming' && this.#remainingBytes >= lengthBytes && this.#input.pendingBytes === 0
    )
  }

  /**
   * Gives the command up after an announcement or while streaming. Octets that come all the same are
   * dropped, never read as commands.
   */
  refuse(): void {
    const streaming = this.#state === 'streaming'
    if (!streaming && this.#state !== 'announced') return
    const literal = this.#literal!
    if (!streaming) this.#remainingBytes = literal.sizeBytes
    this.#dropCommand()
    if (streaming || !literal.sync) this.#swallow(this.#remainingBytes)
    else this.#state = 'line'
  }

  next(): FramerEvent | undefined {
    for (;;) {
      switch (this.#state) {
        case 'line': {
          const event = this.#line()
          if (event === 'more') continue
          return event
        }
        case 'buffering':
          if (!this.#fill()) return undefined
          continue
        case 'streaming':
          return this.#pour()
        case 'swallow-octets':
          if (!this.#swallowOctets()) return undefined
          continue
        case 'swallow-line':
          if (!this.#swallowLine()) return undefined
          continue
        case 'flood':
          this.#state = 'closed'
          return { kind: 'flood' }
        case 'closed':
          this.#input.clear()
          return undefined
        case 'announced':
          return undefined
      }
    }
  }

  #announced(): LiteralAnnouncement {
    if (this.#state !== 'announced') throw new Error('Framer: no literal is waiting for an answer')
    return this.#literal!
  }

  #line(): FramerEvent | undefined | 'more' {
    const taken = this.#input.takeLine(this.#limits.commandBytes - this.#takenBytes)
    if (taken === undefined) return undefined
    if (taken === 'too-long') return this.#spoil('too-long')
    // RFC 854: telnet sends CR NUL for the CR that a script gave it.
    const line = taken.at(-1) === 0 && taken.at(-2) === 13 ? taken.subarray(0, -2) : taken
    if (this.#raw) {
      this.#raw = false
      return { kind: 'line', line }
    }
    const literal = announcedLiteral(line)
    if (line.includes(0)) {
      if (literal !== undefined && !literal.sync) this.#swallow(literal.sizeBytes)
      return this.#unreadable('nul', line)
    }
    // `abc{5}` announces nothing, but the octets of `abc{5+}` come whatever we think of it.
    if (literal !== undefined && (literal.wellPlaced || !literal.sync)) return this.#announce(line, literal)
    // Thunderbird sends an empty line after the literal of APPEND.
    if (line.length === 0 && this.#text.isEmpty) return 'more'
    this.#text.add(line)
    const frame = this.#frame()
    this.#dropCommand()
    return { kind: 'command', frame }
  }

  /** What was held is only good for its tag; the rest is dropped as it comes. */
  #spoil(reason: 'too-long'): FramerEvent {
    const soFar = this.#text.isEmpty ? this.#input.beginning(soFarBytes) : this.#text.octets
    this.#input.keepTail()
    this.#octets = nothing
    this.#state = 'swallow-line'
    this.#swallowsRaw = this.#raw
    this.#raw = false
    return this.#unreadable(reason, soFar)
  }

  #unreadable(reason: 'too-long' | 'nul', line: Buffer): FramerEvent {
    const before = this.#text.isEmpty ? line : this.#text.octets
    const soFar = Buffer.from(before.subarray(0, soFarBytes))
    this.#text.clear()
    this.#literals = []
    this.#takenBytes = 0
    return { kind: 'unreadable', soFar, reason }
  }

  #announce(line: Buffer, literal: LiteralAnnouncement): FramerEvent {
    this.#text.add(line)
    this.#takenBytes += line.length
    this.#literal = literal
    this.#state = 'announced'
    const { commandBytes, literals = Number.POSITIVE_INFINITY } = this.#limits
    const fits = literal.sizeBytes <= commandBytes - this.#takenBytes && this.#literals.length < literals
    const { sizeBytes, sync, binary } = literal
    return { kind: 'literal', soFar: this.#frame(), sizeBytes, sync, binary, fits }
  }

  #frame(): Frame {
    return { text: this.#text.octets, literals: this.#literals.slice() }
  }

  #dropCommand(): void {
    this.#text.clear()
    this.#literals = []
    this.#takenBytes = 0
    this.#input.dropLine()
    this.#octets = nothing
  }

  #fill(): boolean {
    const part = this.#takeOctets()
    part.copy(this.#octets, this.#octets.length - this.#remainingBytes - part.length)
    if (this.#remainingBytes > 0) return false
    this.#literals.push(this.#octets)
    this.#octets = nothing
    this.#state = 'line'
    return true
  }

  #pour(): FramerEvent | undefined {
    const wanted = this.#remainingBytes
    if (wanted > 0 && this.#input.pendingBytes === 0) return undefined
    const octets = this.#takeOctets()
    const last = this.#remainingBytes === 0
    if (last) {
      this.#literals.push({ streamedBytes: this.#literal!.sizeBytes })
      this.#state = 'line'
    }
    return { kind: 'octets', octets, last }
  }

  /** The part of the current literal that has arrived. */
  #takeOctets(): Buffer {
    const part = this.#input.take(this.#remainingBytes)
    this.#remainingBytes -= part.length
    return part
  }

  #swallow(sizeBytes: number): void {
    this.#remainingBytes = sizeBytes
    this.#state = sizeBytes > this.#limits.swallowBytes ? 'flood' : 'swallow-octets'
  }

  #swallowOctets(): boolean {
    this.#takeOctets()
    if (this.#remainingBytes > 0) return false
    this.#state = 'swallow-line'
    return true
  }

  /** Drops to the end of the line; a literal announced there belongs to the dropped command too. */
  #swallowLine(): boolean {
    const line = this.#input.skipLine()
    if (line === undefined) return false
    this.#state = 'line'
    if (this.#swallowsRaw) {
      this.#swallowsRaw = false
      return true
    }
    const literal = announcedLiteral(line)
    if (literal !== undefined && !literal.sync) this.#swallow(literal.sizeBytes)
    return true
  }
}
