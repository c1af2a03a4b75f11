import type { DeliveryResult } from './delivery-result.ts'
import { printable } from './printable.ts'

export type ReportKind = 'failure' | 'delay' | 'success'

export const reportSubjects: Readonly<Record<ReportKind, string>> = {
  failure: 'Undelivered Mail Returned to Sender',
  delay: 'Delayed Mail (still being retried)',
  success: 'Successful Mail Delivery Report',
}

/** Of what goes to postmaster. Postfix: bounce(5), Postmaster-Subject. */
export const postmasterSubjects: Readonly<Record<ReportKind, string>> = {
  failure: 'Postmaster Copy: Undelivered Mail',
  delay: 'Postmaster Warning: Delayed Mail',
  success: 'Successful Mail Delivery Report',
}

/** Postfix: bounce(5), the built-in templates. */
export const reportNotices: Readonly<Record<ReportKind, readonly string[]>> = {
  failure: [
    "I'm sorry to have to inform you that your message could not",
    "be delivered to one or more recipients. It's attached below.",
    '',
    'For further assistance, please send mail to postmaster.',
    '',
    'If you do so, please include this problem report. You can',
    'delete your own text from the attached returned message.',
  ],
  delay: [
    '####################################################################',
    '# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #',
    '####################################################################',
    '',
    'Your message could not be delivered for more than $hours hour(s).',
    'It will be retried until it is $days day(s) old.',
    '',
    'For further assistance, please send mail to postmaster.',
    '',
    'If you do so, please include this problem report. You can',
    'delete your own text from the attached returned message.',
  ],
  success: [
    'Your message was successfully delivered to the destination(s)',
    'listed below. If the message was delivered to mailbox you will',
    'receive no further notifications. Otherwise you may still receive',
    'notifications of mail delivery errors from other systems.',
  ],
}

/** `<a@b>: host mx[192.0.2.1] said: 550 …`, wrapped like Postfix's print_wrap. */
export const recipientNotice = (result: DeliveryResult): string => {
  const original = result.originalRecipient?.replace(/^[^;]*;/, '')
  const whom =
    original === undefined || original === result.recipient
      ? `<${printable(result.recipient)}>`
      : `<${printable(result.recipient)}> (expanded from <${printable(original)}>)`
  return wrap(`${whom}: ${printable(result.said ?? result.diagnostic, 4000)}`)
}

const wrapColumn = 79
/** Words longer than this are cut: RFC 5322 §2.1.1. */
const maxWord = 500

const wrap = (text: string): string => {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ').flatMap((w) => w.match(wordPieces) ?? [])) {
    if (line !== '' && line.length + 1 + word.length > wrapColumn) {
      lines.push(line)
      line = `    ${word}`
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join('\r\n')
}

const wordPieces = new RegExp(`.{1,${maxWord}}`, 'gu')
