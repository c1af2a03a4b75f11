import type { Begun, Command, LiteralSink } from '../commands/command.ts'
import { inProgress } from '../commands/in-progress.ts'
import { answer, type Call, enter, finish, judged } from './answers.ts'
import type { ImapSession } from './imap-session.ts'

/** One sync serves so many … */
const mostCalls = 64
/** … with at most so many octets of messages, which are in memory until then. */
const mostOctets = 192 * 1024

interface UnansweredCall {
  readonly call: Call
  readonly begun: Begun
  readonly literals: readonly LiteralSink[]
}

/**
 * Commands of a client that does not wait for answers: the store has their units of work, in the order in which they came,
 * and makes them durable with one sync. Each is answered when that is done, in the same order. RFC 9051 §5.5 allows
 * it where nobody could tell the difference; who could, waits until all before it are answered.
 */
export class Unanswered {
  readonly #session: ImapSession
  #calls: UnansweredCall[] = []
  #octets = 0

  constructor(session: ImapSession) {
    this.#session = session
  }

  get none(): boolean {
    return this.#calls.length === 0
  }

  /** The command may begin now. */
  lets({ begins, numbers }: Command): boolean {
    return (
      this.none ||
      (begins === 'early' &&
        this.#calls.every(
          ({ begun: { lets } }) => lets === 'any' || (lets === 'no numbers' && numbers === 'none'),
        ))
    )
  }

  /** Of the next command's literal. */
  octetsCame(count: number): void {
    this.#octets += count
  }

  get isFull(): boolean {
    return this.#calls.length >= mostCalls || this.#octets >= mostOctets
  }

  /** Takes over what the command has begun, and its literals. */
  add(call: Call, begun: Begun): void {
    this.#calls.push({ call, begun, literals: this.#session.literals })
    this.#session.literals = []
  }

  /** Never rejects. */
  async answerAll(): Promise<void> {
    if (this.none) return
    const session = this.#session
    const { tag, numbering, holdsExpunges } = session
    const calls = this.#calls
    this.#calls = []
    this.#octets = 0
    for (const each of calls) await this.#answer(each, each === calls.at(-1))
    session.dropSignal()
    session.tag = tag
    session.numbering = numbering
    session.holdsExpunges = holdsExpunges
  }

  /** News come with the last of them: what the others have changed is none. */
  async #answer({ call, begun, literals }: UnansweredCall, isLast: boolean): Promise<void> {
    const session = this.#session
    enter(session, call)
    try {
      const completion = await inProgress(session, begun.answer())
      if (isLast) await finish(session, call, completion)
      else answer(session, call.tag, completion)
    } catch (error) {
      answer(session, call.tag, judged(session, error, call.name))
    } finally {
      for (const sink of literals) sink.abort()
    }
  }
}
