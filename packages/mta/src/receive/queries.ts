import { isHostName } from '@posthorn/dns'
import { formatAddress, isAddressLiteral, parseForwardPath } from '@posthorn/mail'
import type { Answer, SmtpReply, SmtpSession } from '@posthorn/smtp'
import type { QueueStore } from '@posthorn/storage'
import { answered } from '../tables/index.ts'
import { flushDomain } from './flush-domain.ts'
import type { ReceiveConfiguration } from './receive-options.ts'
import { reply } from './refusals.ts'

/**
 * RFC 5321 §3.5: `252` for an address that we would take, since only delivery knows. Whom `refusal` would not let send
 * to it hears that instead, as at RCPT. Postfix: vrfy_cmd().
 */
export async function vrfy(
  argument: string,
  { options, routing }: ReceiveConfiguration,
  refusal: (address: string) => Answer<SmtpReply | undefined>,
): Promise<SmtpReply> {
  if (options.vrfy === 'disabled') return reply(502, '5.5.1', 'VRFY command is disabled')
  if (argument.trim() === '') return reply(501, '5.5.4', 'Syntax: VRFY address [SMTPUTF8]')
  const parsed = parseForwardPath(argument)
  if (parsed === undefined) return reply(501, '5.1.3', 'Bad recipient address syntax')
  const address = formatAddress(parsed)
  const refused = await refusal(address)
  if (refused !== undefined) return refused
  const known = await routing.verify(address)
  if (known.kind === 'temporary') return reply(451, '4.3.0', `<${address}>: Temporary lookup failure`)
  if (known.kind === 'refused')
    return reply(
      known.status.startsWith('4') ? 450 : 550,
      known.status,
      `<${address}>: Recipient address rejected: ${known.text}`,
    )
  if (known.kind === 'unknown') {
    return reply(550, '5.1.1', `<${address}>: Recipient address rejected: User unknown in ${known.table}`)
  }
  return reply(252, '2.0.0', argument.trim())
}

/**
 * Who is on a list: where `expn_access` allows it, the addresses that an alias or a virtual alias leads to, lists
 * within it by their names (RFC 5321 §3.5.2). Postfix has no EXPN: elsewhere the command is not known.
 */
export async function expn(
  argument: string,
  session: SmtpSession,
  { options, routing }: ReceiveConfiguration,
): Promise<SmtpReply> {
  const { expnAccess = 'none' } = options
  const allowed =
    expnAccess !== 'none' && (session.user !== undefined || (expnAccess === 'mynetworks' && session.trusted))
  if (!allowed) return reply(500, '5.5.2', 'Error: command not recognized')
  const parsed = argument.trim() === '' ? undefined : parseForwardPath(argument)
  if (parsed === undefined) return reply(501, '5.5.4', 'Syntax: EXPN list')
  const address = formatAddress(parsed)
  const members = await routing.listMembers(address)
  if (members === undefined) return reply(550, '5.1.1', `<${address}>: not a list`)
  if (members.length > maxExpnLines) return reply(550, '5.7.1', `<${address}>: list is too long to be shown`)
  const text = members.length === 0 ? ['the list is empty'] : members.map((one) => `<${one}>`)
  return { code: 250, status: '2.1.5', text }
}

const maxExpnLines = 1_000

/** RFC 1985. Postfix: etrn_cmd(), fast_flush_domains = $relay_domains. */
export async function etrn(
  argument: string,
  { routing }: ReceiveConfiguration,
  queue: Pick<QueueStore, 'flush'>,
  nowMs: number,
): Promise<SmtpReply> {
  const given = argument.trim().toLowerCase()
  // RFC 1985 §5.3: @ and # ask for subdomains and named queues.
  const domain = given.replace(/^[@#]/, '')
  if (given === '' || /\s/.test(given)) return { code: 500, text: 'Syntax: ETRN domain' }
  if (!isHostName(domain) && !isAddressLiteral(domain))
    return { code: 501, text: 'Error: invalid parameter syntax' }
  if ((await answered(() => routing.classify(`postmaster@${domain}`))).class !== 'relay') {
    return { code: 459, text: `<${domain}>: service unavailable` }
  }
  await flushDomain(domain, { routing, queue, nowMs })
  return { code: 250, text: 'Queuing started' }
}
