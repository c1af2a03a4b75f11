import { DotStuffer } from '../wire/dot-stuffer.ts'
import { encodeXtext } from '../wire/xtext.ts'
import { isFailure, openSocket, RemoteConnection, type Told } from './connection.ts'
import { lostFailure, replyFailure, type SmtpFailure, type Stage } from './failure.ts'
import type { SmtpClientOptions, SmtpServerAddress } from './options.ts'
import type { RemoteReply } from './reply.ts'

export interface OutgoingRecipient {
  /** With domain, quoted where needed: goes between angle brackets. */
  readonly address: string
  readonly notify?: readonly string[]
  /** `rfc822;a@b`, not encoded. */
  readonly originalRecipient?: string
}

export interface OutgoingMail {
  /** '' for the null reverse-path. */
  readonly sender: string
  readonly recipients: readonly OutgoingRecipient[]
  readonly sizeBytes: number
  readonly body?: '7BIT' | '8BITMIME'
  readonly smtpUtf8?: boolean
  readonly ret?: 'FULL' | 'HDRS'
  readonly envid?: string
  /** The message anew at each call. */
  content(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** What became of a recipient. */
export type RecipientOutcome =
  | {
      readonly kind: 'sent'
      readonly reply: RemoteReply
      /** 'dsn': the server promised to report as asked; 'none': it knows no DSN. */
      readonly reports: 'dsn' | 'none'
    }
  | { readonly kind: 'refused'; readonly failure: SmtpFailure }

export interface SmtpTimes {
  /** Connection, greeting, EHLO, TLS, AUTH. */
  readonly setUpMs: number
}

/** A server ready for mail. */
export interface SmtpClient {
  /** `host[address]:port` for `relay=`. */
  readonly remote: string
  readonly tls: boolean
  readonly setUpMs: number
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
  const connection = new RemoteConnection(server, options, socket)
  const failure = await connection.handshake(options)
  if (failure === undefined) return new Client(connection, options, performance.now() - startedMs)
  connection.leave()
  const again = failure.kind === 'tls' && options.tlsLevel === 'may' && options.wrapperMode !== true
  return again ? connectSmtp(server, { ...options, tlsLevel: 'none' }) : failure
}

const isAscii = (text: string): boolean => /^[\x00-\x7f]*$/.test(text)

class Client implements SmtpClient {
  readonly #connection: RemoteConnection
  readonly #options: SmtpClientOptions
  readonly setUpMs: number
  /** The last transaction did not end with a message: RSET before the next. RFC 5321 §4.1.1.5. */
  #unfinished = false

  constructor(connection: RemoteConnection, options: SmtpClientOptions, setUpMs: number) {
    this.#connection = connection
    this.#options = options
    this.setUpMs = setUpMs
  }

  get remote(): string {
    return this.#connection.remote
  }

  get tls(): boolean {
    return this.#connection.secure
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
    const unfit = this.#unfit(mail)
    if (unfit !== undefined) return every(unfit)
    const envelope = await this.#envelope(mail)
    if ('kind' in envelope) return every(envelope)
    const outcomes = envelope.recipients.map((told) => this.#judge(told, 'RCPT TO'))
    const accepted = outcomes.flatMap((outcome, index) => (outcome === undefined ? [index] : []))
    if (accepted.length > 0) await this.#data(mail, accepted, outcomes, envelope.data)
    else await this.#decline(envelope.data)
    return outcomes.map(
      (outcome) =>
        outcome ?? { kind: 'refused', failure: lostFailure(this.#connection.peer, 'sending message body') },
    )
  }

  /** What this server can be known not to take. */
  #unfit({ smtpUtf8, sender, recipients, sizeBytes }: OutgoingMail): SmtpFailure | undefined {
    const { peer, inside } = this.#connection
    const limit = inside._maxAllowedSize
    if (limit > 0 && sizeBytes > limit) {
      const text = `message size ${sizeBytes} exceeds size limit ${limit} of server ${peer}`
      return { kind: 'capability', status: '5.3.4', text }
    }
    // Addresses were parsed when they came in; a line break here would be a command of the sender's.
    const addresses = [sender, ...recipients.map(({ address }) => address)]
    if (addresses.some((address) => /[\x00-\x1f\x7f]/.test(address))) {
      return { kind: 'capability', status: '5.1.3', text: 'bad address syntax' }
    }
    const needed = smtpUtf8 === true && !addresses.every(isAscii)
    if (needed && !this.#connection.has('SMTPUTF8')) {
      const text = `SMTPUTF8 is required, but was not offered by host ${peer}`
      return { kind: 'capability', status: '5.6.7', text }
    }
    return undefined
  }

  /** RSET where needed, MAIL, RCPTs; with DATA in one write where the server pipelines. RFC 2920 §3.1. */
  async #envelope(mail: OutgoingMail): Promise<Envelope | SmtpFailure> {
    const connection = this.#connection
    const { peer, timeouts } = connection
    const mailLine = this.#mailLine(mail)
    const rcptLines = mail.recipients.map((recipient) => this.#rcptLine(recipient))
    const reset = this.#unfinished ? ['RSET'] : []
    this.#unfinished = true
    if (connection.has('PIPELINING')) {
      const lines = [...reset, mailLine, ...rcptLines, 'DATA']
      const stages: Stage[] = [...(reset.length > 0 ? (['sending RSET'] as const) : []), 'sending MAIL FROM']
      for (const _ of rcptLines) stages.push('sending RCPT TO')
      stages.push('receiving the DATA init reply')
      const told = await connection.commands(lines, timeouts.mailMs, stages)
      if (reset.length > 0) told.shift()
      const [mailTold, ...others] = told
      const data = others.pop()
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
      await connection.command(mailLine, timeouts.mailMs, 'sending MAIL FROM'),
      peer,
    )
    if (refused !== undefined) return refused
    const recipients: Told[] = []
    for (const line of rcptLines) {
      recipients.push(await connection.command(line, timeouts.rcptMs, 'sending RCPT TO'))
    }
    return { recipients, data: undefined }
  }

  /** A server that waits for content though it accepted nobody: it gets none from us, not even an empty one. */
  async #decline(data: Told | undefined): Promise<void> {
    if (data !== undefined && !isFailure(data) && data.code < 400) this.#connection.close()
  }

  #refusedMail(told: Told | undefined, peer: string): SmtpFailure | undefined {
    if (told === undefined) return lostFailure(peer, 'sending MAIL FROM')
    if (isFailure(told)) return told
    return told.code < 400 ? undefined : replyFailure(peer, told, 'MAIL FROM')
  }

  #mailLine(mail: OutgoingMail): string {
    let line = `MAIL FROM:<${mail.sender}>`
    if (this.#offers('SIZE')) line += ` SIZE=${mail.sizeBytes}`
    if (mail.body !== undefined && this.#connection.has('8BITMIME')) line += ` BODY=${mail.body}`
    if (mail.smtpUtf8 === true && this.#connection.has('SMTPUTF8')) line += ' SMTPUTF8'
    if (this.#connection.has('DSN')) {
      if (mail.ret !== undefined) line += ` RET=${mail.ret}`
      if (mail.envid !== undefined) line += ` ENVID=${encodeXtext(mail.envid)}`
    }
    return line
  }

  #offers(name: string): boolean {
    const lines = (this.#connection as unknown as { _ehloLines?: readonly string[] })._ehloLines ?? []
    return lines.some((line) => line.split(' ', 1)[0]?.toUpperCase() === name)
  }

  /** RFC 3461 §5.2.1. */
  #rcptLine({ address, notify, originalRecipient }: OutgoingRecipient): string {
    let line = `RCPT TO:<${address}>`
    if (!this.#connection.has('DSN')) return line
    if (notify !== undefined && notify.length > 0) line += ` NOTIFY=${notify.join(',')}`
    const semicolon = originalRecipient?.indexOf(';') ?? -1
    if (originalRecipient !== undefined && semicolon > 0) {
      line += ` ORCPT=${originalRecipient.slice(0, semicolon)};${encodeXtext(originalRecipient.slice(semicolon + 1))}`
    }
    return line
  }

  #judge(told: Told, command: string): RecipientOutcome | undefined {
    if (isFailure(told)) return { kind: 'refused', failure: told }
    if (told.code < 400) return undefined
    // RFC 5321 §4.5.3.1.10: 552 here means too many recipients, try again.
    const reply = told.code === 552 && command === 'RCPT TO' ? { ...told, status: '4.5.3' } : told
    return { kind: 'refused', failure: replyFailure(this.#connection.peer, reply, command) }
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
    const told =
      pipelined ?? (await connection.command('DATA', timeouts.dataInitMs, 'receiving the DATA init reply'))
    const refused = isFailure(told) || told.code >= 400 ? this.#judge(told, 'DATA') : undefined
    if (refused !== undefined) {
      for (const index of accepted) outcomes[index] = refused
      return
    }
    const count = this.#options.protocol === 'lmtp' ? accepted.length : 1
    const { all, stage } = connection.replies(count)
    await this.#sendMessage(mail, stage)
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

  /** In few writes: small pieces are gathered, the end of the data goes with the last of them. */
  async #sendMessage(mail: OutgoingMail, stage: (stage: Stage, timeoutMs: number) => void): Promise<void> {
    const connection = this.#connection
    const stuffer = new DotStuffer(this.#options.lineLengthLimitBytes ?? 998)
    let gathered: Uint8Array[] = []
    let gatheredBytes = 0
    try {
      for await (const chunk of mail.content()) {
        const piece = stuffer.push(chunk)
        gathered.push(piece)
        gatheredBytes += piece.length
        if (gatheredBytes < writeBytes) continue
        stage('sending message body', connection.timeouts.dataXferMs)
        if (!(await connection.feed(joined(gathered)))) return
        gathered = []
        gatheredBytes = 0
      }
      gathered.push(stuffer.finish())
      stage('sending end of data -- message may be sent more than once', connection.timeouts.dataDoneMs)
      await connection.feed(joined(gathered))
    } catch (error) {
      // Half a message must never be ended with a dot.
      connection.close()
      throw error
    }
  }
}

const writeBytes = 65_536
const joined = (pieces: readonly Uint8Array[]): Uint8Array =>
  pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces)

interface Envelope {
  readonly recipients: readonly Told[]
  /** The answer to DATA when it was sent along. */
  readonly data: Told | undefined
}
