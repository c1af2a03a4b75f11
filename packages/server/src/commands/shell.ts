import type { Readable, Writable } from 'node:stream'

/** What a command sees of the world; a test gives its own. */
export interface Shell {
  readonly environment: Readonly<Record<string, string | undefined>>
  out(text: string): void
  outBytes(octets: Uint8Array): void
  err(text: string): void
  /** All of standard input; undefined when it is more than `limitBytes`. */
  readInput(limitBytes: number): Promise<Buffer | undefined>
  /** The same as it comes, for a dialogue. */
  readonly inputStream: Readable
  readonly outputStream: Writable
  /** Where a progress bar may be drawn: standard error, when it is a terminal. */
  readonly terminal: NodeJS.WriteStream | undefined
  /** Asks at the terminal; without echo for passwords. undefined when there is no terminal. */
  ask(prompt: string, kind: 'visible' | 'hidden'): Promise<string | undefined>
  readonly now: () => number
  readonly uid: number
  readonly userName: string
  /** As `From:` shows it; '' when unknown. */
  readonly fullName: string
}

/** sysexits.h, as sendmail's callers know them. */
export const exit = {
  ok: 0,
  failure: 1,
  usage: 64,
  dataError: 65,
  noUser: 67,
  unavailable: 69,
  software: 70,
  tempFail: 75,
  noPermission: 77,
  config: 78,
} as const

/** A command's own way to end: the message goes to standard error after the program's name. */
export class CommandError extends Error {
  readonly exitCode: number
  /** Said before it, as getopt(3) does: `invalid option -- 'z'`. */
  readonly notice: string | undefined
  constructor(message: string, exitCode: number = exit.failure, notice?: string) {
    super(message)
    this.name = 'CommandError'
    this.exitCode = exitCode
    this.notice = notice
  }
}

const maxLinesBytes = 256 << 20

/** Standard input where it is a list or a line. */
export async function readLines(shell: Shell): Promise<Buffer> {
  const input = await shell.readInput(maxLinesBytes)
  if (input === undefined) throw new CommandError('standard input is too long', exit.dataError)
  return input
}
