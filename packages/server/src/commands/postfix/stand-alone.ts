import { receivedField } from '@posthorn/mail'
import type { SmtpHandler, SmtpReply, SmtpSession, SmtpTransaction } from '@posthorn/smtp'
import type { Config } from '../../config/config.ts'
import { smtpOptions } from '../../services/smtp-options.ts'
import { CommandError, exit, type Shell } from '../shell.ts'
import { locateSite, type SiteOptions } from '../site.ts'
import { type Outgoing, takeMail } from './local-submission.ts'

type Recipients = Outgoing['recipients']

const ok = (status: string): SmtpReply => ({ code: 250, status, text: 'Ok' })

/**
 * `sendmail -bs`: whoever calls speaks SMTP over standard input and output, with a running server or without. What it
 * says is mail of this user, taken as `sendmail` takes it: no restrictions, nobody is asked whether recipients exist.
 * Postfix: sendmail(1), smtpd(8) stand-alone.
 */
export async function speakSmtp(options: SiteOptions, shell: Shell): Promise<number> {
  const { config } = locateSite(shell, options)
  const { serveStreams } = await import('@posthorn/smtp')
  await serveStreams({
    handler: new UserMail(config, shell, (mail) => takeMail(mail, options, shell)),
    // Who types, or a program of this machine: nothing comes from a network that could hide a message in another.
    options: { ...smtpOptions(config.values), bareNewline: 'permit' },
    input: shell.inputStream,
    output: shell.outputStream,
    fault: (error) => shell.err(`sendmail: error: ${String(error)}\n`),
  })
  return exit.ok
}

class UserMail implements SmtpHandler {
  readonly #config: Config
  readonly #shell: Shell
  readonly #take: (mail: Outgoing) => Promise<SmtpReply>

  constructor(config: Config, shell: Shell, take: (mail: Outgoing) => Promise<SmtpReply>) {
    this.#config = config
    this.#shell = shell
    this.#take = take
  }

  connect(session: SmtpSession): SmtpReply {
    session.trusted = true
    return { code: 220, text: this.#config.values.smtpd_banner }
  }

  helo(): undefined {}

  mail(
    session: SmtpSession,
    from: Parameters<SmtpHandler['mail']>[1],
  ): { readonly reply: SmtpReply; readonly transaction: SmtpTransaction } {
    const recipients: Recipients[number][] = []
    const pieces: Uint8Array[] = []
    const transaction: SmtpTransaction = {
      queueId: '',
      rcpt: ({ address, notify, originalRecipient }) => {
        recipients.push({ address, notify, originalRecipient })
        return ok('2.1.5')
      },
      data: () => ({ code: 354, text: 'End data with <CR><LF>.<CR><LF>' }),
      write: (chunk) => void pieces.push(Uint8Array.from(chunk)),
      end: async () => await this.#end(session, from, recipients, pieces),
      abort: () => {},
    }
    return { reply: ok('2.1.0'), transaction }
  }

  async #end(
    session: SmtpSession,
    { address: sender, ret, envid, body, smtpUtf8, requireTls }: Parameters<SmtpHandler['mail']>[1],
    recipients: Recipients,
    pieces: readonly Uint8Array[],
  ): Promise<SmtpReply> {
    try {
      return await this.#take({
        sender,
        recipients,
        message: Buffer.concat([this.#received(session), ...pieces]),
        options: {
          ...(ret === undefined ? {} : { ret }),
          ...(envid === undefined ? {} : { envid }),
          ...(body === undefined ? {} : { body }),
          ...(smtpUtf8 ? { smtpUtf8: true as const } : {}),
          ...(requireTls ? { requireTls: true as const } : {}),
        },
        userid: this.#shell.uid,
      })
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      const passes = error.exitCode === exit.tempFail
      return { code: passes ? 451 : 554, status: passes ? '4.3.0' : '5.3.0', text: error.message }
    }
  }

  #received({ helo, clientName, clientAddress, protocol }: SmtpSession): Buffer {
    return receivedField({
      client: 'shown',
      helo,
      clientName,
      clientAddress,
      host: this.#config.values.myhostname,
      protocol,
      queueId: '',
      nowMs: this.#shell.now(),
      offsetMinutes: -new Date().getTimezoneOffset(),
      tls: undefined,
      user: undefined,
      recipient: undefined,
    })
  }

  vrfy(_session: SmtpSession, argument: string): SmtpReply {
    return { code: 252, status: '2.0.0', text: argument }
  }

  expn(): SmtpReply {
    return { code: 502, status: '5.5.1', text: 'Error: command not implemented' }
  }

  etrn(): SmtpReply {
    return { code: 458, text: 'Unable to queue messages' }
  }

  authenticate(): Awaited<ReturnType<SmtpHandler['authenticate']>> {
    return {
      ok: false,
      reply: { code: 503, status: '5.5.1', text: 'Error: authentication not enabled' },
    }
  }

  /** Who speaks to himself needs no log. */
  disconnect(): void {}
  note(): void {}
}
