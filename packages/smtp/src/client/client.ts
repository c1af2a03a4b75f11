import { isFailure, type Told } from './awaited-replies.ts'
import { sendChunks } from './chunked-content.ts'
import { mailLine, rcptLine, xforwardLines } from './command-lines.ts'
import { RemoteConnection, type Step } from './connection.ts'
import { hasWideHeader, sendContent } from './content.ts'
import { lostFailure, replyFailure, type SmtpFailure, type Stage } from './failure.ts'
import { shakeHands } from './handshake.ts'
import { openSocket } from './open-socket.ts'
import type { SmtpClientOptions, SmtpServerAddress } from './options.ts'
import type { ForwardedClient, OutgoingMail, RecipientOutcome } from './outgoing-mail.ts'
import type { RemoteReply } from './reply.ts'
import type { RemoteTls } from './start-tls.ts'
import type { TlsEvent } from './tls-event.ts'
import { TranscribedConnection } from './transcribed-connection.ts'

/** A server ready for mail. */
export interface SmtpClient {
  /** `host[address]:port` for `relay=`. */
  readonly remote: string
  readonly tls: RemoteTls | undefined
  readonly setUpMs: number
  /** Whether the server takes this: EHLO keyword, upper case. */
  offers(extension: string): boolean
  /** One outcome per recipient, in their order. Never rejects for what a peer does; for faults of `content` it does. */
  send(mail: OutgoingMail): Promise<readonly RecipientOutcome[]>
  /** Whether another message may follow. */
  readonly usable: boolean
  quit(): void
}

/** Connects and brings the server to readiness. Level 'may' goes on in the clear when TLS fails, as Postfix does. */
export const connectSmtp = async (
  server: SmtpServerAddress,
  options: SmtpClientOptions,
): Promise<SmtpClient | SmtpFailure> => {
  const startedMs = performance.now()
  const socket = await openSocket(server, options)
  if ('kind' in socket) return socket
  const { onTrouble } = options
  const connection =
    onTrouble === undefined
      ? new RemoteConnection(server, options, socket)
      : new TranscribedConnection(server, options, socket, onTrouble)
  const { localAddress = '', remoteAddress = server.address } = socket
  const failure = await shakeHands(connection, options)
  tellTls(connection, options, failure, {
    sendingAddress: localAddress,
    receivingAddress: remoteAddress,
    host: server.host,
    heloName: connection.heloName,
  })
  if (failure === undefined) return new Client(connection, options, performance.now() - startedMs)
  connection.leave()
  const again = failure.kind === 'tls' && options.tlsLevel === 'may' && options.wrapperMode !== true
  return again ? connectSmtp(server, { ...options, tlsLevel: 'none' }) : failure
}

const tellTls = (
  { tls }: RemoteConnection,
  { onTls, tlsLevel }: SmtpClientOptions,
  failure: SmtpFailure | undefined,
  where: Omit<TlsEvent, 'failure' | 'webPki' | 'resumed'>,
): void => {
  if (onTls === undefined || tlsLevel === 'none') return
  if (tls !== undefined) {
    const { resumed, webPki } = tls
    onTls({ ...where, resumed, ...(webPki === undefined ? {} : { webPki }) })
  } else if (failure?.kind === 'tls') {
    const { tls: type = 'validation-failure', text } = failure
    onTls({ ...where, resumed: false, failure: { type, text } })
  } else if (failure === undefined) {
    const text = 'STARTTLS was not offered'
    onTls({ ...where, resumed: false, failure: { type: 'starttls-not-supported', text } })
  }
}

/** RFC 5321 §4.2.1: the only class that says yes to a command that is complete. */
const isYes = ({ code }: RemoteReply): boolean => code >= 200 && code < 300
const refusalOf = (told: RemoteReply, command: string): RemoteReply => {
  // RFC 5321 §4.5.3.1.10: 552 here means too many recipients, try again.
  if (told.code === 552 && command === 'RCPT TO') return { ...told, status: '4.5.3' }
  // Neither yes nor no: as Postfix takes it.
  return told.code < 400 ? { ...told, status: '5.5.0' } : told
}

const step =
  (stage: Stage, timeoutMs: number) =>
  (line: string): Step => ({ line, stage, timeoutMs })

const isAscii = (text: string): boolean => /^[\x00-\x7f]*$/.test(text)

class Client implements SmtpClient {
  readonly #connection: RemoteConnection
  readonly #options: SmtpClientOptions
  readonly tls: RemoteTls | undefined
  readonly setUpMs: number
  /** The last transaction did not end with a message: RSET before the next. RFC 5321 §4.1.1.5. */
  #unfinished = false

  constructor(connection: RemoteConnection, options: SmtpClientOptions, setUpMs: number) {
    this.#connection = connection
    this.#options = options
    this.tls = connection.tls
    this.setUpMs = setUpMs
  }

  get remote(): string {
    return this.#connection.remote
  }

  offers(extension: string): boolean {
    return this.#connection.has(extension)
  }

  get usable(): boolean {
    return this.#connection.usable
  }

  quit(): void {
    this.#connection.leave()
  }

  async send(mail: OutgoingMail): Promise<readonly RecipientOutcome[]> {
    const every = (failure: SmtpFailure): RecipientOutcome[] =>
      mail.recipients.map(() => ({ kind: 'refused', failure }))
    const unfit = await this.#unfit(mail)
    if (unfit !== undefined) return every(unfit)
    const envelope = await this.#envelope(mail)
    if ('kind' in envelope) return every(envelope)
    const outcomes = envelope.recipients.map((told) => this.#judge(told, 'RCPT TO'))
    const accepted = outcomes.flatMap((outcome, index) => (outcome === undefined ? [index] : []))
    if (mail.probe !== undefined) await this.#probed(mail.probe, envelope, accepted, outcomes)
    else if (accepted.length > 0 && this.#chunks(mail)) await this.#bdat(mail, accepted, outcomes)
    else if (accepted.length > 0) await this.#data(mail, accepted, outcomes, envelope.data)
    else await this.#decline(envelope.data)
    return outcomes.map(
      (outcome) =>
        outcome ?? { kind: 'refused', failure: lostFailure(this.#connection.peer, 'sending message body') },
    )
  }

  /** What this server can be known not to take. */
  async #unfit(mail: OutgoingMail): Promise<SmtpFailure | undefined> {
    const { smtpUtf8, sender, recipients, sizeBytes, requireTls } = mail
    const { peer, extensions } = this.#connection
    if (requireTls === true && !(this.#connection.secure && extensions.has('REQUIRETLS'))) {
      // RFC 8689 §4.2.1 and §5: X.7.30.
      const text = `REQUIRETLS is required, but was not offered by host ${peer}`
      return { kind: 'capability', status: '5.7.30', text }
    }
    const limit = Number(extensions.get('SIZE')) || 0
    if (limit > 0 && sizeBytes > limit) {
      const text = `message size ${sizeBytes} exceeds size limit ${limit} of server ${peer}`
      return { kind: 'capability', status: '5.3.4', text }
    }
    // Addresses were parsed when they came in; a line break here would be a command of the sender's.
    const addresses = [sender, ...recipients.map(({ address }) => address)]
    if (addresses.some((address) => /[\x00-\x1f\x7f]/.test(address))) {
      return { kind: 'capability', status: '5.1.3', text: 'bad address syntax' }
    }
    if (smtpUtf8 === true && !this.#connection.has('SMTPUTF8')) {
      if (addresses.every(isAscii) && !(await hasWideHeader(mail.content()))) return undefined
      const text = `SMTPUTF8 is required, but was not offered by host ${peer}`
      return { kind: 'capability', status: '5.6.7', text }
    }
    return undefined
  }

  /** RSET where needed, MAIL, RCPTs; with DATA in one write where the server pipelines. RFC 2920 §3.1. */
  async #envelope(mail: OutgoingMail): Promise<Envelope | SmtpFailure> {
    const connection = this.#connection
    const { peer, timeouts } = connection
    const lost = await this.#forward(mail.forwarded)
    if (lost !== undefined) return lost
    const mailCommand = mailLine(connection, this.#options, mail)
    const rcptLines = mail.recipients.map((recipient) => rcptLine(connection, recipient))
    const reset = this.#unfinished ? ['RSET'] : []
    this.#unfinished = true
    if (connection.has('PIPELINING')) {
      const last = mail.probe === 'rcpt' || this.#chunks(mail) ? [] : ['DATA']
      const told = await connection.commands([
        ...reset.map(step('sending RSET', timeouts.rsetMs)),
        { line: mailCommand, stage: 'sending MAIL FROM', timeoutMs: timeouts.mailMs },
        ...rcptLines.map(step('sending RCPT TO', timeouts.rcptMs)),
        ...last.map(step('sending DATA command', timeouts.dataInitMs)),
      ])
      if (reset.length > 0) told.shift()
      const [mailTold, ...others] = told
      const data = last.length > 0 ? others.pop() : undefined
      const refused = this.#refusedMail(mailTold, peer)
      if (refused === undefined) return { recipients: others, data }
      await this.#decline(data)
      return refused
    }
    for (const line of reset) {
      const told = await connection.command(line, timeouts.rsetMs, 'sending RSET')
      if (isFailure(told)) return told
    }
    const refused = this.#refusedMail(
      await connection.command(mailCommand, timeouts.mailMs, 'sending MAIL FROM'),
      peer,
    )
    if (refused !== undefined) return refused
    const recipients: Told[] = []
    for (const line of rcptLines) {
      recipients.push(await connection.command(line, timeouts.rcptMs, 'sending RCPT TO'))
    }
    return { recipients, data: undefined }
  }

  /** RFC 3030 §4.2: CHUNKING is offered, and the message is one that is better refused early. */
  #chunks(mail: OutgoingMail): boolean {
    const { chunkFromBytes = 0, protocol } = this.#options
    return (
      protocol === 'smtp' &&
      mail.probe === undefined &&
      chunkFromBytes > 0 &&
      mail.sizeBytes >= chunkFromBytes &&
      this.#connection.has('CHUNKING')
    )
  }

  /** The message by BDAT; fills the outcomes of the accepted. */
  async #bdat(
    mail: OutgoingMail,
    accepted: readonly number[],
    outcomes: (RecipientOutcome | undefined)[],
  ): Promise<void> {
    const connection = this.#connection
    const told = await sendChunks(connection, mail, this.#options.lineLengthLimitBytes)
    const refused = this.#judge(told, 'BDAT')
    // RFC 3030 §2: after a chunk that was refused only RSET helps.
    this.#unfinished = refused !== undefined
    const reports = connection.has('DSN') ? 'dsn' : 'none'
    for (const index of accepted)
      outcomes[index] = refused ?? { kind: 'sent', reply: told as RemoteReply, reports }
  }

  /** What the server says to XFORWARD changes nothing, but for an end of the connection. */
  async #forward(client: ForwardedClient | undefined): Promise<SmtpFailure | undefined> {
    const connection = this.#connection
    const known = connection.extensions.get('XFORWARD')
    if (this.#options.xforward !== true || known === undefined || client === undefined) return undefined
    const timeoutMs = connection.timeouts.xforwardMs ?? connection.timeouts.heloMs
    for (const line of xforwardLines(client, known)) {
      const told = await connection.command(line, timeoutMs, 'sending XFORWARD name/address')
      if (isFailure(told)) return told
    }
    return undefined
  }

  /** A server that waits for content though it accepted nobody: it gets none from us, not even an empty one. */
  async #decline(data: Told | undefined): Promise<void> {
    if (data !== undefined && !isFailure(data) && data.code === 354) this.#connection.close()
  }

  #refusedMail(told: Told | undefined, peer: string): SmtpFailure | undefined {
    if (told === undefined) return lostFailure(peer, 'sending MAIL FROM')
    if (isFailure(told)) return told
    return isYes(told) ? undefined : replyFailure(peer, refusalOf(told, 'MAIL FROM'), 'MAIL FROM')
  }

  #judge(told: Told, command: string): RecipientOutcome | undefined {
    if (isFailure(told)) return { kind: 'refused', failure: told }
    if (isYes(told)) return undefined
    return {
      kind: 'refused',
      failure: replyFailure(this.#connection.peer, refusalOf(told, command), command),
    }
  }

  /** RFC 5321 §4.3.2: 354 and nothing else asks for content; to a server that does not wait for it, it would be commands. */
  #judgeData(told: Told): RecipientOutcome | undefined {
    if (isFailure(told) || told.code >= 400) return this.#judge(told, 'DATA')
    if (told.code === 354) return undefined
    const failure = replyFailure(this.#connection.peer, { ...told, status: '5.5.0' }, 'DATA')
    return { kind: 'refused', failure: { ...failure, text: `Protocol error: ${failure.text}` } }
  }

  /** What RCPT was told is the answer, unless DATA is refused. RFC 5321 §3.5 leaves nothing better than this. */
  async #probed(
    target: 'rcpt' | 'data',
    { recipients, data: pipelined }: Envelope,
    accepted: readonly number[],
    outcomes: (RecipientOutcome | undefined)[],
  ): Promise<void> {
    const connection = this.#connection
    let refused: RecipientOutcome | undefined
    if (target === 'data' && accepted.length > 0) {
      const { dataInitMs } = connection.timeouts
      const told = pipelined ?? (await connection.command('DATA', dataInitMs, 'sending DATA command'))
      refused = this.#judgeData(told)
    }
    // A server that waits for content gets none: the connection ends.
    if (target === 'data') connection.close()
    for (const index of accepted)
      outcomes[index] = refused ?? { kind: 'sent', reply: recipients[index] as RemoteReply, reports: 'none' }
  }

  /** DATA and the message; fills the outcomes of the accepted. */
  async #data(
    mail: OutgoingMail,
    accepted: readonly number[],
    outcomes: (RecipientOutcome | undefined)[],
    pipelined: Told | undefined,
  ): Promise<void> {
    const connection = this.#connection
    const { timeouts } = connection
    const told = pipelined ?? (await connection.command('DATA', timeouts.dataInitMs, 'sending DATA command'))
    const refused = this.#judgeData(told)
    if (refused !== undefined) {
      for (const index of accepted) outcomes[index] = refused
      return
    }
    const count = this.#options.protocol === 'lmtp' ? accepted.length : 1
    const { all, stage } = connection.replies(count)
    await sendContent(connection, mail, { lineLengthLimitBytes: this.#options.lineLengthLimitBytes, stage })
    const replies = await all
    this.#unfinished = false
    const reports = connection.has('DSN') ? 'dsn' : 'none'
    accepted.forEach((index, i) => {
      const final = replies[Math.min(i, replies.length - 1)] as Told
      outcomes[index] = this.#judge(final, 'end of DATA') ?? {
        kind: 'sent',
        reply: final as RemoteReply,
        reports,
      }
    })
  }
}

interface Envelope {
  readonly recipients: readonly Told[]
  /** The answer to DATA when it was sent along. */
  readonly data: Told | undefined
}
