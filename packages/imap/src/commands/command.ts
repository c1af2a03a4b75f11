import type { Session, SessionIn, StateName } from '../session/session.ts'
import type { Parser } from '../wire/parser.ts'

/** The tagged answer of a command. */
export interface Completion {
  readonly status: 'OK' | 'NO' | 'BAD'
  /** Response code without its brackets: `COPYUID 1 2:3 4:5`. */
  readonly code?: string
  readonly text: string
}

export function ok(text: string, code?: string): Completion {
  return code === undefined ? { status: 'OK', text } : { status: 'OK', text, code }
}

export function no(text: string, code?: string): Completion {
  return code === undefined ? { status: 'NO', text } : { status: 'NO', text, code }
}

export function bad(text: string): Completion {
  return { status: 'BAD', text }
}

/** A command of which the store has the unit of work. What is left is to wait for the disk, and to say what came of it. */
export interface Begun {
  /** Called when all commands before it are answered. */
  answer(): Promise<Completion>
  /** Which commands may begin before this one is answered, of those that begin early. */
  readonly lets: 'any' | 'no numbers' | 'none'
}

/** @param work of the store: units that are in its queue */
export function begun<T>(
  work: Promise<T>,
  lets: Begun['lets'],
  answer: (done: T) => Promise<Completion> | Completion,
): Begun {
  // Looked at when its turn to be answered comes.
  work.catch(() => {})
  return { lets, answer: async () => answer(await work) }
}

/** undefined: the tagged answer was sent (STARTTLS), or will be when the client's next line comes (IDLE). */
export type Outcome = Completion | Begun | undefined

/** What a capability's announcement may depend on. */
export interface CapabilityContext {
  readonly state: StateName
  readonly secure: boolean
  /** A TLS context is configured for STARTTLS. */
  readonly startTls: boolean
  /** LOGIN and the plain-text mechanisms work on this connection. */
  readonly plaintextAuth: boolean
  /** The client's certificate names its user. */
  readonly certified: boolean
  /** SASL mechanisms that are configured, upper case. */
  readonly mechanisms: readonly string[]
  readonly appendLimitBytes: number | undefined
  /** May change other users' quota. */
  readonly isAdministrator: boolean
  readonly compressed: boolean
  /** Some users' mailboxes are elsewhere. */
  readonly referrals: boolean
}

export type Announcement = readonly string[] | ((context: CapabilityContext) => readonly string[])

/** Takes the octets of one announced literal as they come. */
export interface LiteralSink {
  /**
   * A promise when the sender should wait (back-pressure). Never throws: a failure is told by `run`. The octets are
   * the caller's again when it returns.
   */
  write(chunk: Uint8Array): Promise<void> | undefined
  /** Called once after the last octet; `p.literal()` in `args` then returns an empty Buffer for it. */
  end(): Promise<void> | undefined
  /** The connection went, or the rest of the command was wrong: frees what was taken. */
  abort(): void
}

export type LiteralAnswer = LiteralSink | Completion | 'buffer'

export interface CommandSpec<S extends StateName, A> {
  /** Upper case; `UID EXPUNGE` for commands that exist with UID only. */
  readonly name: string
  readonly states: readonly S[]
  /**
   * `uses`: takes message numbers, so `UID <name>` exists too, and by sequence numbers no EXPUNGE is sent
   * before its tagged answer (RFC 9051 §7.5.1).
   */
  readonly numbers: 'uses' | 'none'
  /** Capabilities that are announced because this command works. */
  readonly capabilities?: Announcement
  /** Of these, what is announced before login too. */
  readonly early?: Announcement
  /** Parses all after the name, from the separating space on; the end of the command is checked by the caller. */
  args(p: Parser, session: SessionIn<S>): A
  /**
   * `early`: may run while commands before it, of this kind, wait for the disk. It writes nothing to the client until it is
   * answered, and changes nothing of the session. Default: in turn.
   */
  readonly begins?: 'early'
  run(session: SessionIn<S>, args: A): Promise<Outcome> | Outcome
  /**
   * For literals that shall not be collected in memory (APPEND): asked when a literal is announced, before
   * `+` is sent. `preceding` stands after the command's name and ends where the literal begins. A Completion
   * refuses: the octets of a non-synchronising literal are swallowed, then it is answered. 'buffer' keeps the
   * literal in memory as for other commands (a mailbox name).
   */
  literal?(
    session: SessionIn<S>,
    preceding: Parser,
    sizeBytes: number,
  ): LiteralAnswer | Promise<LiteralAnswer>
}

/** A command as the dispatcher sees it: states were checked before its functions are called. */
export interface Command {
  readonly name: string
  readonly states: readonly StateName[]
  readonly numbers: 'uses' | 'none'
  readonly capabilities: Announcement
  readonly early: Announcement
  args(p: Parser, session: Session): unknown
  readonly begins: 'early' | 'in turn'
  run(session: Session, args: unknown): Promise<Outcome> | Outcome
  literal?(session: Session, preceding: Parser, sizeBytes: number): LiteralAnswer | Promise<LiteralAnswer>
}

export function command<const S extends StateName, A>(spec: CommandSpec<S, A>): Command {
  return { capabilities: [], early: [], begins: 'in turn', ...spec } as unknown as Command
}
