import {
  postmasterSubjects,
  type ReportKind,
  recipientNotice,
  reportNotices,
  reportSubjects,
} from './bounce-text.ts'
import { formatDate } from './date.ts'
import type { DeliveryResult } from './delivery-result.ts'
import { findHeader, headerEnd } from './header.ts'
import { formatField, formatUtf8Field } from './header-writer.ts'
import { asBuffer } from './octets.ts'
import { printable } from './printable.ts'
import { isStatus } from './status.ts'
import { internalReceivedField } from './trace.ts'

export interface ReportInput {
  /** Postfix: myhostname. */
  readonly reportingMta: string
  readonly queueId: string
  /** Envelope sender of the original: the report goes there. */
  readonly sender: string
  readonly arrivedMs: number
  readonly nowMs: number
  /** Minutes east of UTC for dates; default 0. */
  readonly offsetMinutes?: number | undefined
  /** RFC 3461 §4.4, decoded. */
  readonly envid?: string | undefined
  readonly ret?: 'FULL' | 'HDRS' | undefined
  readonly results: readonly DeliveryResult[]
  /** The original, at least its header. Only the header is returned with RET=HDRS, of delays and successes. */
  readonly original: Uint8Array
  /** Postfix: bounce_size_limit. Above it only the header is returned. Default 50,000. */
  readonly maxOriginalBytes?: number | undefined
  /** Of delay warnings: until when delivery is tried. */
  readonly retryUntilMs?: number | undefined
  /** The original needed SMTPUTF8 (RFC 6533). */
  readonly smtpUtf8?: boolean | undefined
  /** `<unique@host>`: becomes the report's Message-ID; its boundary is made of it. */
  readonly messageId: string
  /** In the place of the built-in text. Postfix: bounce(5), bounce_template_file. */
  readonly template?: ReportTemplate | undefined
  /**
   * Postmaster, to whom the report goes instead of the sender (Postfix: notify_classes, 2bounce_notice_recipient): he is
   * told the facts alone.
   */
  readonly recipient?: string | undefined
  /** Domain of MAILER-DAEMON. Default: reportingMta. Postfix: myorigin. */
  readonly origin?: string | undefined
  /** References and In-Reply-To name the original. Default: no. Postfix: enable_threaded_bounces. */
  readonly threaded?: 'yes' | 'no' | undefined
  /** The report's own, for its Received field. */
  readonly ownQueueId?: string | undefined
}

/** What a report says before it names the recipients. */
export interface ReportTemplate {
  /** Named in the report; the text is sent as UTF-8 when it is not ASCII, whatever is named. */
  readonly charset: string
  /** '' = Mail Delivery System <MAILER-DAEMON@host>. */
  readonly from: string
  readonly subject: string
  readonly text: readonly string[]
}

const defaultMaxOriginalBytes = 50_000

/** RFC 3464 multipart/report for recipients that failed. To be sent with the null sender. */
export const composeBounce = (input: ReportInput): Buffer => composeReport('failure', input)

/** The warning of Postfix's delay_warning_time. */
export const composeDelayWarning = (input: ReportInput): Buffer => composeReport('delay', input)

/** For NOTIFY=SUCCESS. RFC 3461 §5.2. */
export const composeSuccess = (input: ReportInput): Buffer => composeReport('success', input)

const composeReport = (kind: ReportKind, input: ReportInput): Buffer => {
  const original = returnedPart(kind, input)
  const notice = noticeText(kind, input)
  const statusText = Buffer.concat(statusFields(input))
  const utf8 = input.smtpUtf8 === true || /[^\0-\x7f]/.test(notice)
  const boundary = boundaryFor(input, [notice, original.bytes.toString('latin1')])
  const part = (description: string, type: string, body: Uint8Array, eightBit: boolean): Buffer[] => [
    Buffer.from(`--${boundary}\r\nContent-Description: ${description}\r\nContent-Type: ${type}\r\n`),
    Buffer.from(eightBit ? 'Content-Transfer-Encoding: 8bit\r\n\r\n' : '\r\n'),
    asBuffer(body),
    Buffer.from('\r\n'),
  ]
  const global = input.smtpUtf8 === true ? 'global' : undefined
  const statusType = global ? 'message/global-delivery-status' : 'message/delivery-status'
  const name = kind === 'failure' ? 'Undelivered Message' : kind === 'delay' ? 'Delayed Message' : 'Message'
  return Buffer.concat([
    ...reportHeader(kind, input, boundary, utf8 || original.eightBit),
    Buffer.from('This is a MIME-encapsulated message.\r\n\r\n'),
    ...part('Notification', `text/plain; charset=${utf8 ? 'utf-8' : 'us-ascii'}`, Buffer.from(notice), utf8),
    ...part('Delivery report', statusType, statusText, utf8),
    ...part(
      `${name}${original.headerOnly ? ' Headers' : ''}`,
      original.type,
      original.bytes,
      original.eightBit,
    ),
    Buffer.from(`--${boundary}--\r\n`),
  ])
}

const reportHeader = (
  kind: ReportKind,
  input: ReportInput,
  boundary: string,
  eightBit: boolean,
): Buffer[] => {
  const origin = printable(input.origin ?? input.reportingMta, 255)
  const to = printable(input.recipient ?? input.sender, 900)
  const field = input.smtpUtf8 === true ? formatUtf8Field : formatField
  const subjects = input.recipient === undefined ? reportSubjects : postmasterSubjects
  return [
    ...(input.ownQueueId === undefined
      ? []
      : [internalReceivedField({ ...input, host: input.reportingMta, queueId: input.ownQueueId })]),
    formatField('Date', formatDate(input.nowMs, input.offsetMinutes)),
    formatField('From', input.template?.from || `Mail Delivery System <MAILER-DAEMON@${origin}>`),
    formatField('Subject', input.template?.subject ?? subjects[kind]),
    field('To', to),
    ...threadFields(input),
    formatField('Auto-Submitted', input.recipient === undefined ? 'auto-replied' : 'auto-generated'),
    formatField('MIME-Version', '1.0'),
    Buffer.from(
      `Content-Type: multipart/report; report-type=${input.smtpUtf8 === true ? 'global-delivery-status' : 'delivery-status'};\r\n\tboundary="${boundary}"\r\n`,
    ),
    ...(eightBit ? [formatField('Content-Transfer-Encoding', '8bit')] : []),
    formatField('Message-Id', input.messageId),
    Buffer.from('\r\n'),
  ]
}

/** RFC 5322 §3.6.4, of an original that has a Message-ID. */
const threadFields = ({ threaded, original }: ReportInput): Buffer[] => {
  const id = /<[^<>\s]{1,900}>/.exec(
    threaded === 'yes' ? (findHeader(original.subarray(0, headerEnd(original)), 'message-id') ?? '') : '',
  )
  if (id === null) return []
  const named = printable(id[0], 900)
  return [formatField('References', named), formatField('In-Reply-To', named)]
}

const noticeText = (kind: ReportKind, input: ReportInput): string =>
  [
    ...(input.recipient === undefined ? introduction(kind, input) : []),
    '',
    ...input.results.flatMap((result) => [recipientNotice(result), '']),
  ].join('\r\n')

const introduction = (kind: ReportKind, input: ReportInput): readonly string[] => {
  if (input.template !== undefined) return input.template.text
  const hour = 3_600_000
  const hours = Math.max(1, Math.round((input.nowMs - input.arrivedMs) / hour))
  const days = Math.max(1, Math.round(((input.retryUntilMs ?? input.nowMs) - input.arrivedMs) / (24 * hour)))
  const notices = reportNotices[kind].map((line) =>
    line.replace('$hours', `${hours}`).replace('$days', `${days}`),
  )
  return [
    `This is the mail system at host ${printable(input.reportingMta, 255)}.`,
    '',
    ...notices,
    '',
    '                   The mail system',
  ]
}

/** RFC 3464 §2.2 per-message fields, then §2.3 one group a recipient. */
const statusFields = (input: ReportInput): Buffer[] => {
  const field = input.smtpUtf8 === true ? formatUtf8Field : dsnField
  const host = printable(input.reportingMta, 255)
  return [
    field('Reporting-MTA', `dns; ${host}`),
    ...(input.envid === undefined ? [] : [field('Original-Envelope-Id', printable(input.envid))]),
    field('X-Posthorn-Queue-ID', printable(input.queueId)),
    field(
      'X-Posthorn-Sender',
      `${addressType(input)}; ${printable(input.sender || `MAILER-DAEMON@${host}`)}`,
    ),
    field('Arrival-Date', formatDate(input.arrivedMs, input.offsetMinutes)),
    ...input.results.flatMap((result) => [Buffer.from('\r\n'), ...recipientFields(result, input, field)]),
  ]
}

const recipientFields = (
  result: DeliveryResult,
  input: ReportInput,
  field: (name: string, value: string) => Buffer,
): Buffer[] => {
  const { originalRecipient, action, remoteMta } = result
  const failedClass = action === 'failed' ? '5' : action === 'delayed' ? '4' : '2'
  const status = isStatus(result.status) ? `${failedClass}${result.status.slice(1)}` : `${failedClass}.0.0`
  const isQuoted = result.diagnosticType === 'smtp'
  const said = action === 'failed' || action === 'delayed' || (isQuoted && action === 'relayed')
  // RFC 3464 §2.3.5: who told us; what we found ourselves nobody did.
  const mta = isQuoted ? mtaName(remoteMta) : undefined
  return [
    field('Final-Recipient', `${addressType(input)}; ${printable(result.recipient)}`),
    ...(originalRecipient === undefined ? [] : [field('Original-Recipient', typed(originalRecipient))]),
    field('Action', action),
    field('Status', status),
    ...(mta === undefined ? [] : [field('Remote-MTA', `dns; ${mta}`)]),
    ...(said
      ? [field('Diagnostic-Code', `${result.diagnosticType}; ${printable(result.diagnostic, 4000)}`)]
      : []),
    ...(action === 'delayed'
      ? [field('Last-Attempt-Date', formatDate(result.atMs, input.offsetMinutes))]
      : []),
    ...(action === 'delayed' && input.retryUntilMs !== undefined
      ? [field('Will-Retry-Until', formatDate(input.retryUntilMs, input.offsetMinutes))]
      : []),
  ]
}

/** RFC 6533 §3. */
const addressType = (input: ReportInput): string => (input.smtpUtf8 === true ? 'utf-8' : 'rfc822')

/** `mx.example[192.0.2.1]:25` → `mx.example`; nothing for what never left this host. */
const mtaName = (remoteMta: string): string | undefined => {
  const name = printable(remoteMta, 255).split('[', 1)[0] ?? ''
  return ['', 'none', 'local', 'virtual'].includes(name) ? undefined : name
}

/** RFC 3461 §4.2: `rfc822;a@b` → `rfc822; a@b`. */
const typed = (originalRecipient: string): string => {
  const text = printable(originalRecipient)
  const semicolon = text.indexOf(';')
  if (semicolon <= 0 || !/^[A-Za-z0-9-]+$/.test(text.slice(0, semicolon))) return `rfc822; ${text}`
  return `${text.slice(0, semicolon)}; ${text.slice(semicolon + 1).trim()}`
}

/** RFC 3464 §2.1.1: US-ASCII only; RFC 2047 words have no place here. */
const dsnField = (name: string, value: string): Buffer =>
  formatUtf8Field(name, value.replace(/[^\x20-\x7e]/g, '?'))

interface Returned {
  readonly bytes: Buffer
  readonly type: string
  readonly headerOnly: boolean
  readonly eightBit: boolean
}

/** RFC 3461 §6.2: the whole message, or its header as text/rfc822-headers. */
const returnedPart = (kind: ReportKind, input: ReportInput): Returned => {
  const original = asBuffer(input.original)
  const limit = input.maxOriginalBytes ?? defaultMaxOriginalBytes
  const headerOnly = kind !== 'failure' || input.ret === 'HDRS' || original.length > limit
  const end = Math.min(headerOnly ? headerEnd(original) : original.length, limit)
  // The empty line behind a header is no part of it.
  const text = original.subarray(
    0,
    headerOnly && original.subarray(0, end).toString('latin1', end - 4) === '\r\n\r\n' ? end - 2 : end,
  )
  const bytes = Buffer.concat([Buffer.from(`Return-Path: <${printable(input.sender, 900)}>\r\n`), text])
  const utf8 = input.smtpUtf8 === true
  const type = headerOnly
    ? utf8
      ? 'message/global-headers'
      : 'text/rfc822-headers'
    : utf8
      ? 'message/global'
      : 'message/rfc822'
  return { bytes, type, headerOnly, eightBit: bytes.some((octet) => octet > 127) }
}

/** Unlike anything in the parts, however hostile they are. */
const boundaryFor = (input: ReportInput, parts: readonly string[]): string => {
  const stem = `${input.queueId}.${input.nowMs}`.replace(/[^A-Za-z0-9.]/g, '').slice(0, 40)
  let boundary = `${stem}/report`
  for (let i = 1; parts.some((part) => part.includes(`--${boundary}`)); i++) boundary = `${stem}/report.${i}`
  return boundary
}
