import { clientText, type PolicyRequest, type Subject, type SubjectClass } from './request.ts'
import type { Refusal } from './verdict.ts'

/**
 * RFC 3463 codes are of sender or recipient: one that fits the other is turned round, and one of an
 * address says nothing about a client. Postfix: smtpd_dsn_fix.
 */
export function fitStatus(status: string, subject: SubjectClass): string {
  const tail = status.slice(1)
  if (!tail.startsWith('.1.')) return status
  const turned =
    subject === 'Sender address'
      ? { '.1.1': '.1.7', '.1.2': '.1.8', '.1.3': '.1.7', '.1.4': '.1.0', '.1.6': '.1.0' }
      : subject === 'Recipient address'
        ? { '.1.8': '.1.2', '.1.7': '.1.3' }
        : { [tail]: '.0.0' }
  return status[0] + ((turned as Readonly<Record<string, string>>)[tail] ?? tail)
}

/** `<name>: Class rejected: reason`, with the status fitted. */
export function refusalOf(subject: Subject, code: number, status: string, reason: string): Refusal {
  // non_fqdn_reject_code = 450 and its like: the class of the status is that of the code.
  return {
    code,
    status: `${Math.floor(code / 100)}${fitStatus(status, subject.class).slice(1)}`,
    text: `<${subject.name}>: ${subject.class} rejected: ${reason}`,
  }
}

/** `5.1.1 text` → status and text; the default where the text brings none. Postfix: dsn_split(). */
export function splitStatus(
  text: string,
  fallback: string,
): { readonly status: string; readonly text: string } {
  const match = /^([245]\.\d{1,3}\.\d{1,3})(?:\s+(.*))?$/s.exec(text)
  if (match === null) return { status: fallback, text }
  // The class must be that of the reply code.
  return { status: fallback[0] + (match[1] ?? fallback).slice(1), text: match[2] ?? '' }
}

/**
 * `NOQUEUE: reject: RCPT from host[ip]: 554 5.7.1 …; from=<…> to=<…> proto=ESMTP helo=<…>`. The part after
 * the queue ID.
 */
export function policyLogText(action: string, request: PolicyRequest, said: string): string {
  let text = `${action}: ${request.command} from ${clientText(request.client)}: ${said};`
  if (request.sender !== undefined) text += ` from=<${request.sender}>`
  if (request.recipient !== undefined) text += ` to=<${request.recipient}>`
  if (request.protocol !== '') text += ` proto=${request.protocol}`
  if (request.helo !== '') text += ` helo=<${request.helo}>`
  return text
}

export function refusalText(refusal: Refusal): string {
  return `${refusal.code} ${refusal.status} ${refusal.text}`
}
