import { printableAscii } from '@posthorn/mail'
import { type Routing, refusalIn } from '@posthorn/mta'
import type { Config } from '../config/config.ts'

export interface VerificationParts {
  readonly routing: Routing
  /** Postfix: myhostname. */
  readonly hostname: string
  readonly nowMs: number
  /** Asks the server that an address is for; undefined: nobody is asked. */
  readonly probe?: (
    address: string,
  ) => Promise<{ readonly status: 'ok' | 'deferred' | 'bounced'; readonly text: string } | 'pending'>
}

/** As the running server finds it, which asks other servers. */
export const siteVerification = (
  site: {
    readonly config: Config
    readonly receive: { readonly routing: Routing }
    readonly verifier: { status(address: string): ReturnType<NonNullable<VerificationParts['probe']>> }
  },
  nowMs: number,
): VerificationParts => ({
  routing: site.receive.routing,
  hostname: site.config.values.myhostname,
  nowMs,
  probe: async (address) => await site.verifier.status(address),
})

interface Finding {
  readonly address: string
  /** Whom it was asked for. */
  readonly given: string
  readonly action: 'deliverable' | 'undeliverable'
  /** RFC 3463. */
  readonly status: string
  readonly text: string
}

/** The mail that `sendmail -bv` sends: what would become of mail to each address. Postfix: sendmail(1), bounce(5). */
export async function verificationReport(
  parts: VerificationParts,
  addresses: readonly string[],
  sender: string,
): Promise<string> {
  const findings: Finding[] = []
  for (const given of addresses) findings.push(...(await findingsOf(parts, given, sender)))
  const boundary = `${parts.nowMs.toString(36)}.${findings.length}/${parts.hostname}`
  const to = sender === '' ? 'postmaster' : sender
  return [
    'From: MAILER-DAEMON (Mail Delivery System)',
    `To: ${to}`,
    'Subject: Mail Delivery Status Report',
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status;',
    `\tboundary="${boundary}"`,
    '',
    'This is a MIME-encapsulated message.',
    '',
    `--${boundary}`,
    'Content-Description: Notification',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    `This is the mail system at host ${parts.hostname}.`,
    '',
    'Enclosed is the mail delivery report that you requested.',
    '',
    '                   The mail system',
    '',
    ...findings.flatMap((finding) => [noticeOf(finding), '']),
    `--${boundary}`,
    'Content-Description: Delivery report',
    'Content-Type: message/delivery-status',
    '',
    `Reporting-MTA: dns; ${parts.hostname}`,
    `X-Posthorn-Sender: rfc822; ${printableAscii(to)}`,
    `Arrival-Date: ${new Date(parts.nowMs).toUTCString().replace('GMT', '+0000')}`,
    '',
    ...findings.flatMap(fieldsOf),
    `--${boundary}--`,
    '',
  ].join('\n')
}

const noticeOf = ({ address, given, text, status }: Finding): string => {
  const expanded = address === given ? '' : ` (expanded from <${printableAscii(given)}>)`
  return `<${printableAscii(address)}>${expanded}: ${status} ${printableAscii(text, 800)}`
}

/** RFC 3464 §2.3. */
const fieldsOf = ({ address, given, action, status, text }: Finding): readonly string[] => [
  `Final-Recipient: rfc822; ${printableAscii(address)}`,
  ...(address === given ? [] : [`Original-Recipient: rfc822; ${printableAscii(given)}`]),
  `Action: ${action}`,
  `Status: ${status}`,
  `Diagnostic-Code: x-posthorn; ${printableAscii(text, 800)}`,
  '',
]

async function findingsOf(
  parts: VerificationParts,
  given: string,
  sender: string,
): Promise<readonly Finding[]> {
  const { routing, nowMs } = parts
  const address = routing.complete(given)
  const one = (action: Finding['action'], status: string, text: string, whom = address): Finding => ({
    address: whom,
    given: address,
    action,
    status,
    text,
  })
  const known = await routing.verify(address)
  if (known.kind === 'unknown') return [one('undeliverable', '5.1.1', `User unknown in ${known.table}`)]
  if (known.kind === 'refused') return [one('undeliverable', known.status, known.text)]
  if (known.kind === 'temporary') return [one('undeliverable', '4.3.0', known.reason)]
  if (known.kind === 'malformed') return [one('undeliverable', '5.1.3', 'bad address syntax')]
  const found = await routing.resolve({ address, sender, nowMs })
  if (found.kind === 'refused') return [one('undeliverable', found.status, found.text)]
  if (found.recipients.length === 0) return [one('deliverable', '2.0.0', 'delivers to nobody')]
  const findings: Finding[] = []
  for (const { address: to, route } of found.recipients) {
    if (route.kind === 'mailbox') findings.push(one('deliverable', '2.0.0', 'delivers to mailbox', to))
    else {
      const { transport, nextHop } = route
      const refusal = refusalIn(nextHop)
      if (refusal !== undefined) findings.push(one('undeliverable', refusal.status, refusal.text, to))
      else findings.push(one(...(await probed(parts, to, `would leave by ${transport} to ${nextHop}`)), to))
    }
  }
  return findings
}

async function probed(
  { probe, routing }: VerificationParts,
  address: string,
  way: string,
): Promise<readonly [action: Finding['action'], status: string, text: string]> {
  const kind = routing.classify(address).class
  const answer = kind === 'default' || kind === 'relay' ? await probe?.(address) : undefined
  if (answer === undefined) return ['deliverable', '2.0.0', way]
  if (answer === 'pending') return ['undeliverable', '4.4.0', `${way}: no answer yet`]
  const { status, text } = answer
  const digit = status === 'ok' ? '2' : status === 'bounced' ? '5' : '4'
  const said = new RegExp(`\\b${digit}\\.\\d{1,3}\\.\\d{1,3}\\b`).exec(text)?.[0]
  return [status === 'ok' ? 'deliverable' : 'undeliverable', said ?? `${digit}.0.0`, text]
}
