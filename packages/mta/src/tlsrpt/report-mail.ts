import { formatDate, formatField, makeMessageId } from '@posthorn/mail'
import type { AggregateReport, Reporter } from './aggregate-report.ts'

const base64Lines = (bytes: Uint8Array): string =>
  (
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  ).join('\r\n')

/**
 * A report as mail. RFC 8460 §3: it is sent whatever TLS says of the receiver, so `TLS-Required: No` (RFC 8689 §3);
 * §5.3: multipart/report. Whoever signs our mail (non_smtpd_milters) signs it.
 */
export const reportMail = (
  report: AggregateReport,
  compressed: Uint8Array,
  to: string,
  { contact, submitter }: Reporter,
  nowMs: number,
): Buffer => {
  const boundary = `tlsrpt-${nowMs}-${report.domain.length}`
  const text = [
    `This is an aggregate TLS report from ${submitter} about ${report.domain}.`,
    'It is sent because of the record at _smtp._tls of that domain (RFC 8460).',
  ]
  return Buffer.concat([
    formatField('From', `<${contact}>`),
    formatField('To', `<${to}>`),
    formatField('Date', formatDate(nowMs)),
    formatField('Message-ID', makeMessageId(nowMs, `tlsrpt.${report.domain}`, submitter)),
    formatField(
      'Subject',
      `Report Domain: ${report.domain} Submitter: ${submitter} Report-ID: <${report.id}>`,
    ),
    formatField('TLS-Report-Domain', report.domain),
    formatField('TLS-Report-Submitter', submitter),
    formatField('TLS-Required', 'No'),
    formatField('Auto-Submitted', 'auto-generated'),
    Buffer.from(
      [
        'MIME-Version: 1.0',
        `Content-Type: multipart/report; report-type="tlsrpt";\r\n\tboundary="${boundary}"`,
        '',
        `--${boundary}`,
        'Content-Type: text/plain; charset=us-ascii',
        '',
        ...text,
        '',
        `--${boundary}`,
        'Content-Type: application/tlsrpt+gzip',
        'Content-Transfer-Encoding: base64',
        `Content-Disposition: attachment;\r\n\tfilename="${report.fileName}"`,
        '',
        base64Lines(compressed),
        '',
        `--${boundary}--`,
        '',
      ].join('\r\n'),
    ),
  ])
}
