import { type Credentials, makeScramVerifier } from '@posthorn/sasl'
import type {
  Greeting,
  MailFrom,
  ProxiedClient,
  RcptTo,
  SmtpHandler,
  SmtpReply,
  SmtpSession,
  SmtpTransaction,
} from './handler.ts'

export interface ReceivedMail {
  readonly from: MailFrom
  readonly recipients: readonly RcptTo[]
  readonly text: string
  readonly protocol: string
  readonly user: string | undefined
}

/** For tests: takes mail for `*@local.test`, keeps it in memory, remembers everything it was told. */
export class RecordingHandler implements SmtpHandler {
  readonly mails: ReceivedMail[] = []
  readonly notes: string[] = []
  readonly aborts: string[] = []
  readonly disconnects: string[] = []
  readonly sessions: SmtpSession[] = []
  trusted = true
  banner: Greeting = { code: 220, text: 'mx.test ESMTP Posthorn' }
  /** Waits before each answer, so that replies come later than commands. */
  slow: () => Promise<void> | undefined = () => undefined
  endReplies: (recipients: readonly RcptTo[]) => SmtpReply | readonly SmtpReply[] = () => ({
    code: 250,
    status: '2.0.0',
    text: 'Ok: queued as ABC123',
  })

  async connect(session: SmtpSession): Promise<Greeting> {
    session.trusted = this.trusted
    this.sessions.push(session)
    await this.slow()
    return this.banner
  }

  /** What XCLIENT said. */
  readonly proxiedClients: ProxiedClient[] = []
  proxied = (_session: SmtpSession, client: ProxiedClient): Greeting => {
    this.proxiedClients.push(client)
    return this.banner
  }

  helo(): undefined {}

  async authenticate(
    _session: SmtpSession,
    credentials: Credentials,
  ): Promise<{ ok: true; address: string } | { ok: false; reply: SmtpReply }> {
    await this.slow()
    const right =
      'proof' in credentials
        ? credentials.proof === 'right'
        : 'password' in credentials && credentials.password === 'secret'
    if (credentials.authcid === 'alice' && right) return { ok: true, address: 'alice@local.test' }
    return { ok: false, reply: { code: 535, status: '5.7.8', text: 'Error: authentication failed' } }
  }

  async scramVerifier(): Promise<string> {
    return await makeScramVerifier(Buffer.from('secret'), 4096)
  }

  async mail(
    session: SmtpSession,
    from: MailFrom,
  ): Promise<{ reply: SmtpReply; transaction?: SmtpTransaction }> {
    await this.slow()
    if (from.address === 'refused@x.test') return { reply: { code: 550, status: '5.7.1', text: 'no' } }
    return {
      reply: { code: 250, status: '2.1.0', text: 'Ok' },
      transaction: this.#transaction(session, from),
    }
  }

  #transaction(session: SmtpSession, from: MailFrom): SmtpTransaction {
    const recipients: RcptTo[] = []
    const chunks: Buffer[] = []
    return {
      queueId: 'ABC123',
      rcpt: async (recipient) => {
        await this.slow()
        if (!recipient.address.endsWith('@local.test')) {
          return { code: 554, status: '5.7.1', text: `<${recipient.address}>: Relay access denied` }
        }
        recipients.push(recipient)
        return { code: 250, status: '2.1.5', text: 'Ok' }
      },
      data: async () => {
        await this.slow()
        return { code: 354, text: 'End data with <CR><LF>.<CR><LF>' }
      },
      write: (chunk) => {
        chunks.push(Buffer.from(chunk))
        return this.slow()
      },
      end: async () => {
        await this.slow()
        const text = Buffer.concat(chunks).toString('latin1')
        this.mails.push({ from, recipients, text, protocol: session.protocol, user: session.user?.address })
        return this.endReplies(recipients)
      },
      abort: async (reason) => {
        this.aborts.push(reason)
      },
    }
  }

  vrfy(_session: SmtpSession, argument: string): SmtpReply {
    return { code: 252, status: '2.0.0', text: argument }
  }

  expn(): SmtpReply {
    return { code: 502, status: '5.5.1', text: 'EXPN is not available' }
  }

  etrn(_session: SmtpSession, argument: string): SmtpReply {
    return { code: 459, text: `<${argument}>: service unavailable` }
  }

  disconnect(_session: SmtpSession, counts: Readonly<Record<string, readonly [number, number]>>): void {
    const words = Object.entries(counts).map(([verb, [good, total]]) =>
      good === total ? `${verb}=${total}` : `${verb}=${good}/${total}`,
    )
    this.disconnects.push(words.join(' '))
  }

  note(_session: SmtpSession, what: string): void {
    this.notes.push(what)
  }
}
