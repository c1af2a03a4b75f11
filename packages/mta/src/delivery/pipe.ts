import { splitRecipientDelimiter } from '@posthorn/mail'
import type { QueuedRecipient } from '@posthorn/storage'
import { type Attempt, actionOf, type DeliveryAgent, type DeliveryJob, decided } from './attempt.ts'
import { type Outcome, runProgram } from './command.ts'
import { createLineFeeds, type OriginalTo } from './local-text.ts'
import type { LocalUser } from './local-user.ts'

/** A service of master.cf whose program is pipe. */
export interface PipeService {
  readonly name: string
  /** `flags=DRhu user=vmail argv=/usr/bin/maildrop -d ${recipient}`. */
  readonly args: readonly string[]
}

export interface PipeOptions {
  /** By the value of `user=`: `name` or `name:group`. */
  readonly user: (name: string) => LocalUser
  readonly timeLimitMs: () => number
  readonly delimiter: () => string
  /** Postfix: export_environment. */
  readonly environment?: () => Readonly<Record<string, string>>
  /** Default: added where the flags have O. */
  readonly originalTo?: (() => OriginalTo) | undefined
  readonly now: () => number
}

/** Postfix: pipe(8). Each recipient is a run of its own, so that each has its own outcome. */
export const pipeAgent =
  (service: PipeService, options: PipeOptions): DeliveryAgent =>
  async (job) => {
    const attempts: Attempt[] = []
    for (const recipient of job.recipients) {
      const startedMs = performance.now()
      const { status, text, said: told } = await run(job, recipient, service, options)
      const action = status.startsWith('2') ? 'delivered' : actionOf(status)
      const said = status.startsWith('2')
        ? `delivered via ${service.name} service${told === undefined ? '' : ` (${told})`}`
        : text
      const verdict = { action, status, text: said, relay: service.name, nowMs: options.now() } as const
      attempts.push({ ...decided(recipient, verdict), transferMs: performance.now() - startedMs })
    }
    return attempts
  }

interface PipeSettings {
  readonly flags: string
  readonly user: string
  readonly directory: string
  readonly nullSender: string
  readonly sizeLimitBytes: number
  readonly argv: readonly string[]
}

export function readPipe(args: readonly string[]): PipeSettings {
  const argvAt = args.findIndex((word) => word.startsWith('argv='))
  const named = (name: string): string | undefined =>
    args
      .slice(0, argvAt === -1 ? undefined : argvAt)
      .find((word) => word.startsWith(`${name}=`))
      ?.slice(name.length + 1)
  const argv = argvAt === -1 ? [] : args.slice(argvAt)
  return {
    flags: named('flags') ?? '',
    user: named('user') ?? '',
    directory: named('directory') ?? '/',
    nullSender: named('null_sender') ?? 'MAILER-DAEMON',
    sizeLimitBytes: Number(named('size') ?? 0),
    argv: argv.map((word, at) => unbraced(at === 0 ? word.slice('argv='.length) : word)),
  }
}

const unbraced = (word: string): string => /^\{(.*)\}$/s.exec(word)?.[1]?.trim() ?? word

async function run(
  job: DeliveryJob,
  recipient: QueuedRecipient,
  service: PipeService,
  options: PipeOptions,
): Promise<Outcome> {
  const settings = readPipe(service.args)
  const [file = '', ...rest] = settings.argv
  if (!file.startsWith('/') || settings.user === '')
    return { status: '4.3.5', text: `service ${service.name}: pipe needs user= and argv=/path` }
  if (settings.sizeLimitBytes > 0 && job.sizeBytes > settings.sizeLimitBytes)
    return {
      status: '5.2.3',
      text: `message size ${job.sizeBytes} exceeds size limit ${settings.sizeLimitBytes}`,
    }
  const values = macros(job, recipient, settings, options.delimiter())
  // What a stranger chose must not become an option of the program. Postfix: allow_min_user.
  const dashed = [values['recipient'], values['sender'], values['nexthop']].find((one) =>
    one?.startsWith('-'),
  )
  if (dashed !== undefined) return { status: '5.1.3', text: `address begins with "-": ${dashed}` }
  return await runProgram({
    file,
    args: rest.map((word) => expanded(word, values)),
    command: file,
    cwd: settings.directory,
    user: options.user(settings.user),
    environment: {
      ...options.environment?.(),
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: settings.directory,
    },
    timeLimitMs: options.timeLimitMs(),
    content: pipeText(job, recipient, settings, options),
    signal: job.signal,
  })
}

function macros(
  { entry, sender, nextHop, sizeBytes }: DeliveryJob,
  recipient: QueuedRecipient,
  { flags, nullSender }: PipeSettings,
  delimiter: string,
): Readonly<Record<string, string>> {
  const at = recipient.address.lastIndexOf('@')
  const fold = (text: string, flag: string): string => (flags.includes(flag) ? text.toLowerCase() : text)
  const mailbox = fold(recipient.address.slice(0, at), 'u')
  const domain = fold(recipient.address.slice(at + 1), 'h')
  const { user, extension } = splitRecipientDelimiter(mailbox, delimiter)
  return {
    client_address: entry.origin.clientAddress ?? '',
    client_helo: entry.origin.helo ?? '',
    client_hostname: entry.origin.clientName ?? '',
    client_port: entry.origin.clientPort === undefined ? '' : String(entry.origin.clientPort),
    client_protocol: entry.origin.protocol ?? '',
    domain,
    extension: extension ?? '',
    mailbox,
    nexthop: fold(nextHop, 'h'),
    original_recipient: recipient.originalRecipient?.replace(/^rfc822;/i, '') ?? recipient.address,
    queue_id: entry.queueId,
    recipient: `${mailbox}@${domain}`,
    sasl_method: entry.origin.saslMethod ?? '',
    sasl_username: entry.origin.saslUsername ?? '',
    sender: sender === '' ? nullSender : sender,
    size: String(sizeBytes),
    user,
  }
}

/** `$name`, `${name}`, `$(name)`; `$$` is a dollar. */
function expanded(word: string, values: Readonly<Record<string, string>>): string {
  return word.replaceAll(
    /\$(?:(\$)|\{([a-z_]{1,32})\}|\(([a-z_]{1,32})\)|([a-z_]{1,32}))/g,
    (_, dollar, braced, round, bare) =>
      dollar === undefined ? (values[braced ?? round ?? bare] ?? '') : '$',
  )
}

const token = (address: string): string => address.replace(/[\0-\x20<>\x7f]/g, '_').slice(0, 900)

/** Trace fields as the flags ask (F, R, O, D), then the message with LF; B adds an empty line. */
async function* pipeText(
  job: DeliveryJob,
  recipient: QueuedRecipient,
  { flags }: PipeSettings,
  { originalTo, now }: PipeOptions,
): AsyncGenerator<Uint8Array> {
  const sender = token(job.sender)
  const original = recipient.originalRecipient?.replace(/^rfc822;/i, '') ?? recipient.address
  let head = ''
  if (flags.includes('F')) {
    const at = new Date(now())
      .toUTCString()
      .replace(/^(\w+), (\d+) (\w+) (\d+) ([\d:]+) GMT$/, '$1 $3 $2 $5 $4')
    head += `From ${sender || 'MAILER-DAEMON'}  ${at}\n`
  }
  if (flags.includes('R')) head += `Return-Path: <${sender}>\n`
  if (flags.includes('O') && originalTo?.() !== 'omitted') head += `X-Original-To: ${token(original)}\n`
  if (flags.includes('D')) head += `Delivered-To: ${token(recipient.address)}\n`
  if (head !== '') yield Buffer.from(head)
  const convert = createLineFeeds(flags.includes('>') ? 'quoted' : 'plain')
  for await (const chunk of job.content()) {
    const bytes = convert.push(chunk)
    if (bytes.length > 0) yield bytes
  }
  yield Buffer.concat([convert.finish(), Buffer.from(flags.includes('B') ? '\n' : '')])
}
