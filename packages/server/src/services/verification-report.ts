import type { Routing } from '@posthorn/mta'

/** The mail that `sendmail -bv` sends: what would become of mail to each address. Postfix: sendmail(1). */
export async function verificationReport(
  routing: Routing,
  addresses: readonly string[],
  sender: string,
): Promise<string> {
  const lines: string[] = []
  for (const given of addresses) lines.push(`<${given}>: ${await verdict(routing, given, sender)}`)
  return [
    'From: MAILER-DAEMON (Mail Delivery System)',
    `To: ${sender === '' ? 'postmaster' : sender}`,
    'Subject: Mail Delivery Status Report',
    'Auto-Submitted: auto-generated',
    '',
    'This is the mail system at this host. The report that you asked for:',
    '',
    ...lines,
    '',
  ].join('\n')
}

async function verdict(routing: Routing, given: string, sender: string): Promise<string> {
  const address = routing.complete(given)
  const known = await routing.verify(address)
  if (known.kind === 'unknown') return `undeliverable: 5.1.1 User unknown in ${known.table}`
  if (known.kind === 'refused') return `undeliverable: ${known.status} ${known.text}`
  if (known.kind === 'malformed') return 'undeliverable: 5.1.3 bad address syntax'
  if (known.kind === 'temporary') return `cannot tell now: 4.3.0 ${known.reason}`
  const found = await routing.resolve({ address, sender, nowMs: Date.now() })
  if (found.kind === 'refused') return `undeliverable: ${found.status} ${found.text}`
  const ways = found.recipients.map(({ address: to, route }) =>
    route.kind === 'mailbox'
      ? `deliverable: to the mailbox of ${to}`
      : route.transport === 'error'
        ? `undeliverable: ${route.nextHop}`
        : `deliverable: ${to} by ${route.transport} to ${route.nextHop}`,
  )
  return ways.length === 0 ? 'deliverable: to nobody' : ways.join('; ')
}
