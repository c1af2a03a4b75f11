import type { Socket } from 'node:net'
import { RemoteConnection } from './connection.ts'
import type { SmtpClientOptions, SmtpServerAddress } from './options.ts'

/** A session in which a server did not understand us, or said so. */
export interface TroubledSession {
  /** `host[address]:port`. */
  readonly remote: string
  /** `Out: ` commands, `In:  ` lines of replies; without what AUTH says. */
  readonly transcript: readonly string[]
}

/** The last lines of a long session. */
const keptLines = 400
/** What of the commands is about mail: others may be refused as unknown, and then we do without. */
const mailVerbs: ReadonlySet<string> = new Set(['', 'HELO', 'LHLO', 'MAIL', 'RCPT', 'DATA', 'BDAT'])
const verb = /^(EHLO|HELO|LHLO|STARTTLS|AUTH|XFORWARD|MAIL|RCPT|DATA|BDAT|RSET|QUIT)\b/

interface Sending {
  _sendCommand(line: string): void
}
const inherited = RemoteConnection.prototype as unknown as Sending

/** Keeps a transcript, and tells it at the end when there was trouble. Postfix: smtp_chat(3), notify_classes = protocol. */
export class TranscribedConnection extends RemoteConnection {
  readonly #lines: string[]
  /** Of the command that was sent last; '' before the first. */
  readonly #last: { verb: string }

  constructor(
    server: SmtpServerAddress,
    options: SmtpClientOptions,
    socket: Socket,
    told: (session: TroubledSession) => void,
  ) {
    const lines: string[] = []
    const last = { verb: '' }
    let trouble = false
    super(
      server,
      {
        ...options,
        replyFilter: (line) => {
          lines.push(`In:  ${line}`)
          if (lines.length > 2 * keptLines) lines.splice(0, keptLines)
          trouble ||= isTrouble(line) && mailVerbs.has(last.verb)
          return options.replyFilter?.(line)
        },
      },
      socket,
    )
    this.#lines = lines
    this.#last = last
    this.once('end', () => {
      // Replies that came with the end of the connection are heard first.
      setImmediate(() => {
        if (trouble) told({ remote: this.remote, transcript: lines.slice(-keptLines) })
      })
    })
  }

  _sendCommand(line: string): void {
    for (const one of line.split('\r\n')) this.#lines.push(`Out: ${this.#shown(one)}`)
    inherited._sendCommand.call(this, line)
  }

  #shown(line: string): string {
    const known = verb.exec(line)?.[1]
    const inExchange = known === undefined && this.#last.verb === 'AUTH'
    if (known !== undefined) this.#last.verb = known
    if (inExchange) return '<masked>'
    return known === 'AUTH' ? 'AUTH <masked>' : line
  }
}

/** Syntax, sequence and parameters, or no reply at all. Postfix: smtp_trouble.c, smtp_check_code(). */
function isTrouble(line: string): boolean {
  const code = Number(/^(\d{3})(?:[ -]|$)/.exec(line)?.[1] ?? 999)
  return code > 599 || code === 555 || (code >= 500 && code < 510)
}
