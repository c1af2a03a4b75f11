import { type ChildProcess, spawn } from 'node:child_process'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { splitRecipientDelimiter } from '@posthorn/mail'
import { type Attempt, actionOf, type DeliveryAgent, type DeliveryJob, decided } from './attempt.ts'
import {
  type CommandSurroundings,
  commandWords,
  permittedText,
  usualSurroundings,
  workingDirectory,
} from './command-surroundings.ts'
import { localText, type OriginalTo } from './local-text.ts'
import type { LocalUser } from './local-user.ts'
import { signalGroup } from './process-group.ts'

export interface CommandOptions {
  /** As whom, by the recipient. Postfix: default_privs. */
  readonly user: (address: string) => LocalUser
  /** Postfix: command_time_limit; or of that service of master.cf. */
  readonly timeLimitMs: (service?: string) => number
  /** Postfix: recipient_delimiter. */
  readonly delimiter: () => string
  /** Asked at each command. Default: the root folder, no shell that need not be. */
  readonly surroundings?: () => CommandSurroundings
  /** Default: added. */
  readonly originalTo?: () => OriginalTo
  readonly now: () => number
}

export interface Outcome {
  readonly status: string
  readonly text: string
  /** What a command that ended well has said. */
  readonly said?: string
}

/** What of a command's output is kept for the log and the report. */
const maxOutputBytes = 1_024

/** sysexits(3), as Postfix's sys_exits(3) reads them. */
const exits: Readonly<Record<number, Outcome>> = {
  64: { status: '5.3.5', text: 'command line usage error' },
  65: { status: '5.6.0', text: 'data format error' },
  66: { status: '5.3.0', text: 'cannot open input' },
  67: { status: '5.1.1', text: 'user unknown' },
  68: { status: '5.1.2', text: 'host name unknown' },
  69: { status: '5.3.0', text: 'service unavailable' },
  70: { status: '5.3.0', text: 'internal software error' },
  71: { status: '4.3.0', text: 'system resource problem' },
  72: { status: '5.3.0', text: 'critical OS file missing' },
  73: { status: '5.2.0', text: "can't create user output file" },
  74: { status: '5.3.0', text: 'input/output error' },
  75: { status: '4.3.0', text: 'temporary failure' },
  76: { status: '5.5.0', text: 'remote error in protocol' },
  77: { status: '5.7.0', text: 'permission denied' },
  78: { status: '5.3.5', text: 'local configuration error' },
}

/**
 * `|command` of aliases(5): the message on standard input, strangers' words in the environment only, with
 * harmless characters only. Bounded time and output. Postfix: local(8), pipe_command(3).
 */
export const commandAgent =
  (options: CommandOptions): DeliveryAgent =>
  async (job) => {
    const attempts: Attempt[] = []
    for (const recipient of job.recipients) {
      const startedMs = performance.now()
      const { status, text } = await run(job, recipient, options)
      const action = status.startsWith('2') ? 'delivered' : actionOf(status)
      const verdict = { action, status, text, relay: 'local', nowMs: options.now() } as const
      attempts.push({ ...decided(recipient, verdict), transferMs: performance.now() - startedMs })
    }
    return attempts
  }

async function run(
  job: DeliveryJob,
  recipient: DeliveryJob['recipients'][number],
  options: CommandOptions,
): Promise<Outcome> {
  const command = job.nextHop
  const surroundings = options.surroundings?.() ?? usualSurroundings
  const [file, ...args] = commandWords(command, surroundings.shell)
  const environment = environmentOf(job, recipient, options, surroundings.variableFilter)
  return await runProgram({
    file,
    args,
    command,
    cwd: workingDirectory(surroundings, directoryValues(environment, options.delimiter())),
    user: options.user(recipient.address),
    environment: { ...surroundings.environment, ...environment },
    timeLimitMs: options.timeLimitMs(),
    content: localText(
      job,
      recipient,
      { form: 'command', originalTo: options.originalTo?.() ?? 'added' },
      options.now(),
    ),
    signal: job.signal,
  })
}

export interface ProgramRun {
  readonly file: string
  readonly args: readonly string[]
  /** As it is named in the log. */
  readonly command: string
  readonly cwd: string
  readonly user: LocalUser
  readonly environment: Readonly<Record<string, string>>
  readonly timeLimitMs: number
  readonly content: AsyncIterable<Uint8Array>
  readonly signal: AbortSignal
}

/** Starts a program as an unprivileged user with the message on standard input; what its end means. Postfix: pipe_command(3). */
export async function runProgram(run: ProgramRun): Promise<Outcome> {
  const { user, signal } = run
  if (user.kind === 'none') return { status: '4.3.5', text: `cannot run a command: ${user.reason}` }
  const child = started(run)
  if (child instanceof Error) return cannotRun(run.command, child)
  const stop = (): void => endCommand(child)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await outcomeOf(child, run.command, run.timeLimitMs, run.content)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

const cannotRun = (command: string, { message }: Error): Outcome => ({
  status: '4.3.0',
  text: `cannot run ${command}: ${message}`,
})

/** An error: the words hold a NUL, or are too many. Most others come later, as an event. */
function started({ file, args, cwd, user, environment }: ProgramRun): ChildProcess | Error {
  try {
    return spawn(file, args, {
      cwd,
      // A group of its own, so that what the command starts ends with it.
      detached: true,
      env: environment,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(user.kind === 'other' ? { uid: user.uid, gid: user.gid } : {}),
    })
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
}

async function outcomeOf(
  child: ChildProcess,
  command: string,
  timeLimitMs: number,
  content: AsyncIterable<Uint8Array>,
): Promise<Outcome> {
  const output = collect(child)
  let late = false
  const timer = setTimeout(() => {
    late = true
    endCommand(child)
  }, timeLimitMs)
  const ended = new Promise<Outcome | { code: number | null; signal: string | null }>((resolve) => {
    child.once('error', (error) => resolve(cannotRun(command, error)))
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  // A command may end well without reading all of it.
  if (child.stdin !== null) await pipeline(Readable.from(content), child.stdin).catch(() => {})
  const end = await ended
  clearTimeout(timer)
  if ('status' in end) return end
  const said = output()
  const withOutput = (text: string): string => (said === '' ? text : `${text}. Command output: ${said}`)
  if (late) return { status: '5.3.0', text: withOutput(`Command time limit exceeded: "${command}"`) }
  if (end.code === 0)
    return { status: '2.0.0', text: `delivered to command: ${command}`, ...(said === '' ? {} : { said }) }
  if (end.code === null)
    return { status: '4.3.0', text: withOutput(`Command died with signal ${end.signal}: "${command}"`) }
  const known = exits[end.code]
  if (known !== undefined) return { status: known.status, text: withOutput(known.text) }
  return { status: '5.3.0', text: withOutput(`Command died with status ${end.code}: "${command}"`) }
}

/** What the command says, as far as it is kept; the rest is read and dropped. */
function collect(child: ChildProcess): () => string {
  const pieces: Buffer[] = []
  let bytes = 0
  const take = (chunk: Buffer): void => {
    if (bytes >= maxOutputBytes) return
    pieces.push(chunk.subarray(0, maxOutputBytes - bytes))
    bytes += chunk.length
  }
  child.stdout?.on('data', take)
  child.stderr?.on('data', take)
  return () =>
    Buffer.concat(pieces)
      .toString('utf8')
      .replace(/[\0-\x1f\x7f]+/g, ' ')
      .trim()
}

/** A daemon that it left behind may keep its output open: nobody waits for that. */
function endCommand(child: ChildProcess): void {
  signalGroup(child, 'SIGKILL')
  for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe?.destroy()
}

/** Postfix: local(8), "environment variables". */
function environmentOf(
  { sender, entry: { origin } }: DeliveryJob,
  recipient: DeliveryJob['recipients'][number],
  { user: userOf, delimiter: delimiterOf }: CommandOptions,
  filter: string,
): Record<string, string> {
  const { address } = recipient
  const delimiter = delimiterOf()
  const runsAs = userOf(address)
  const home = runsAs.kind === 'other' || runsAs.kind === 'self' ? (runsAs.home ?? '/') : '/'
  const at = address.lastIndexOf('@')
  const local = address.slice(0, at)
  const { user, extension } = splitRecipientDelimiter(local, delimiter)
  const login = (runsAs.kind === 'other' ? runsAs.name : undefined) ?? user
  const strangers = {
    SENDER: sender === '' ? 'MAILER-DAEMON' : sender,
    RECIPIENT: address,
    ORIGINAL_RECIPIENT: recipient.originalRecipient?.replace(/^rfc822;/i, '') ?? address,
    LOCAL: local,
    DOMAIN: address.slice(at + 1),
    EXTENSION: extension ?? '',
    USER: login,
    LOGNAME: login,
    CLIENT_ADDRESS: origin.clientAddress,
    CLIENT_HELO: origin.helo,
    CLIENT_HOSTNAME: origin.clientName,
    CLIENT_PROTOCOL: origin.protocol,
  }
  const safe = Object.entries(strangers).map(([name, value]) => [name, permittedText(value, filter)])
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    SHELL: '/bin/sh',
    HOME: home,
    ...(Object.fromEntries(safe) as Record<string, string>),
  }
}

/** Postfix: command_execution_directory: what its names mean. */
const directoryValues = (
  { HOME, SHELL, USER, RECIPIENT, EXTENSION, DOMAIN, LOCAL }: Readonly<Record<string, string>>,
  delimiter: string,
): Readonly<Record<string, string>> => ({
  home: HOME ?? '',
  shell: SHELL ?? '',
  user: USER ?? '',
  recipient: RECIPIENT ?? '',
  extension: EXTENSION ?? '',
  domain: DOMAIN ?? '',
  local: LOCAL ?? '',
  recipient_delimiter: EXTENSION === undefined || EXTENSION === '' ? '' : delimiter,
})
