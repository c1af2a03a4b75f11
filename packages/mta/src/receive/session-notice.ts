import { printable } from '@posthorn/mail'
import type { SmtpReply, SmtpSession, TroubledSession } from '@posthorn/smtp'
import type { SessionState } from './session-state.ts'

/** What postmaster may hear of sessions. Postfix: notify_classes. */
export type TroubleClass = 'bounce' | 'data' | 'policy' | 'protocol' | 'resource' | 'software'

/** Of main.cf. */
export interface NoticeOptions {
  readonly classes: readonly string[]
  readonly mailName: string
  /** error_notice_recipient. */
  readonly recipient: string
  /** bounce_notice_recipient: who hears of recipients that are refused. */
  readonly bounceRecipient: string
  /** double_bounce_sender, complete: nobody answers. */
  readonly sender: string
  readonly origin: string
}

export interface SessionNotice {
  readonly sender: string
  readonly recipient: string
  readonly message: Buffer
}

/** What was said at the end of a session is what explains it. */
const maxLines = 400
const maxLineLength = 1_000

/** Whether any class is wanted that is about sessions. */
export const wantsTranscripts = ({ classes }: NoticeOptions): boolean =>
  classes.some((name) => sessionClasses.has(name))

const sessionClasses: ReadonlySet<string> = new Set([
  'bounce',
  'data',
  'policy',
  'protocol',
  'resource',
  'software',
])

/** What a refusal is about. undefined: nothing that postmaster could mend. Postfix: smtpd(8), error_mask. */
export function troubleOf({ code, status = '', text }: SmtpReply): TroubleClass | undefined {
  if (code < 400) return undefined
  const words = typeof text === 'string' ? text : text.join(' ')
  if (/: Temporary lookup failure$/.test(words)) return 'data'
  // What a table or a policy service answers is policy, also when it cannot answer.
  if (status === '4.3.5') return / rejected: /.test(words) ? 'policy' : 'software'
  if (status === '4.3.1' || status === '4.3.0') return 'resource'
  if (/: User unknown/.test(words)) return 'bounce'
  if (code === 500 || code === 503 || code === 555 || status[2] === '5') return 'protocol'
  if (/^[45]\.1\.[37]$/.test(status) && words.startsWith('Bad ')) return 'protocol'
  return code === 421 && status !== '4.7.0' ? undefined : 'policy'
}

/** A mail begins: of those before it that went well nothing will be told. */
export function forgetGoodMail(
  { transcript }: Pick<SmtpSession, 'transcript'>,
  state: Pick<SessionState, 'linesBeforeMail' | 'trouble'>,
): void {
  if (transcript === undefined || state.trouble !== undefined) return
  // The last one is the command that begins this one.
  const end = transcript.length - 1
  state.linesBeforeMail = Math.min(state.linesBeforeMail ?? end, end)
  transcript.splice(state.linesBeforeMail, end - state.linesBeforeMail)
}

/** undefined: nothing happened that is to be told. */
export function sessionNotice(
  session: SmtpSession,
  seen: ReadonlySet<TroubleClass>,
  client: string,
  options: NoticeOptions,
): SessionNotice | undefined {
  const told = [...seen].filter((name) => options.classes.includes(name))
  if (told.length === 0 || session.transcript === undefined) return undefined
  const lines = session.transcript.slice(-maxLines).flatMap(linesOf)
  const message = noticeOf(`SMTP server: errors from ${client}`, [], lines, options)
  const recipient = told.includes('bounce') ? options.bounceRecipient : options.recipient
  return { sender: options.sender, recipient, message }
}

/** What we said to another server that did not understand it; undefined: that is no class that postmaster wants. Postfix: smtp(8). */
export function remoteNotice(
  { remote, transcript }: TroubledSession,
  options: NoticeOptions,
): SessionNotice | undefined {
  if (!options.classes.includes('protocol')) return undefined
  const subject = `SMTP client: errors from ${remote}`
  const message = noticeOf(subject, [`Unexpected response from ${remote}.`, ''], transcript, options)
  return { sender: options.sender, recipient: options.recipient, message }
}

function noticeOf(
  subject: string,
  about: readonly string[],
  lines: readonly string[],
  { origin, recipient, mailName }: NoticeOptions,
): Buffer {
  return Buffer.from(
    [
      `From: MAILER-DAEMON@${origin} (Mail Delivery System)`,
      `To: ${completed(recipient, origin)} (Postmaster)`,
      `Subject: ${mailName} ${printable(subject, maxLineLength)}`,
      'Auto-Submitted: auto-generated',
      '',
      ...about.map((line) => printable(line, maxLineLength)),
      'Transcript of session follows.',
      '',
      ...lines.map((line) => ` ${printable(line, maxLineLength)}`),
      '',
      '',
      'For other details, see the local mail logfile',
      '',
    ].join('\r\n'),
  )
}

/** A reply may have several; each is told whose it is. */
function linesOf(said: string): readonly string[] {
  const who = said.slice(0, 5)
  return said
    .slice(5)
    .trimEnd()
    .split('\r\n')
    .map((line) => who + line)
}

const completed = (address: string, origin: string): string =>
  address.includes('@') ? address : `${address}@${origin}`
