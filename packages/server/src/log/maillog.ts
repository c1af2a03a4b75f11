import type { LogEvent } from '@posthorn/mail'

/** Services whose lines Dovecot writes, under its own name: `dovecot: imap-login: Login: …`. */
const readingServices = /^(imap|pop3|auth|managesieve|doveadm)/

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** What surrounds each line. */
export interface MaillogNames {
  /** Postfix: `syslog_name`. */
  readonly syslogName: string
  readonly hostname: string
  readonly pid: number
}

const twoDigits = (n: number): string => (n < 10 ? `0${n}` : `${n}`)

let lastSecond = Number.NaN
let lastTime = ''

/** RFC 3164 §4.1.2 time stamp in local time, as syslog writes it: `Nov  1 09:05:07`. */
export function syslogTime(ms: number): string {
  const second = Math.floor(ms / 1000)
  if (second === lastSecond) return lastTime
  const at = new Date(ms)
  const day = at.getDate()
  const clock = `${twoDigits(at.getHours())}:${twoDigits(at.getMinutes())}:${twoDigits(at.getSeconds())}`
  lastSecond = second
  lastTime = `${months[at.getMonth()]} ${day < 10 ? ' ' : ''}${day} ${clock}`
  return lastTime
}

/** A stranger's octets never end a line or move the cursor: control characters become `?`, as Postfix prints them. */
export function printable(text: string): string {
  return /[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(text)
    ? text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, '?')
    : text
}

function levelWord(level: LogEvent['level']): string {
  return level === 'info' || level === 'debug' ? '' : `${level}: `
}

const programs = new WeakMap<MaillogNames, Map<string, string>>()

/** `mail postfix/smtpd[42]`: made once for each service. */
function programOf({ service, syslogName = '' }: LogEvent, names: MaillogNames): string {
  const made = programs.get(names) ?? new Map<string, string>()
  programs.set(names, made)
  const key = syslogName === '' ? service : `${syslogName} ${service}`
  let program = made.get(key)
  if (program === undefined) {
    const name = readingServices.test(service)
      ? `dovecot: ${service}`
      : `${syslogName || names.syslogName}/${service}[${names.pid}]`
    program = `${names.hostname} ${name}`
    made.set(key, program)
  }
  return program
}

/** `posthorn/smtpd`, `dovecot`: the name without host and process, for the system log. */
export function tagOf({ service, syslogName: own }: LogEvent, syslogName: string): string {
  return readingServices.test(service) ? 'dovecot' : `${own ?? syslogName}/${service}`
}

/** What stands after the program's name, in one line. */
export function bodyOf(event: LogEvent): string {
  const queueId = event.queueId === undefined ? '' : `${event.queueId}: `
  return printable(`${levelWord(event.level)}${queueId}${event.text}${faultText(event.error)}`)
}

/** One maillog line with its line end. */
export function formatMaillog(event: LogEvent, names: MaillogNames, nowMs: number): string {
  return `${syslogTime(nowMs)} ${programOf(event, names)}: ${bodyOf(event)}\n`
}

function faultText(error: unknown): string {
  if (error === undefined) return ''
  if (!(error instanceof Error)) return `: ${String(error)}`
  return `: ${(error.stack ?? error.message).replaceAll(/\s*\n\s*/g, ' | ')}`
}
