import type { MailServerPorts } from './ports.ts'

export interface SampleAccount {
  readonly address: string
  readonly password: string
}

const label = (name: string, port: number): string => (port === 0 ? '' : `${name} ${port}`)

/** `SMTP 1025, submission 1587 …`: what listens. */
export function portsText(ports: MailServerPorts): string {
  return [
    label('SMTP', ports.smtp),
    label('submissions', ports.submissions),
    label('submission', ports.submission),
    label('POP3', ports.pop3),
    label('POP3S', ports.pop3s),
    label('IMAP', ports.imap),
    label('IMAPS', ports.imaps),
  ]
    .filter((text) => text !== '')
    .join(', ')
}

/** What the first start says, once: accounts with their passwords, and three things to try. */
export function firstRunText(
  accounts: readonly SampleAccount[],
  ports: MailServerPorts,
  facts: { readonly dataFolder: string; readonly mainCf: string; readonly hostname: string },
): string {
  const [alice, bob] = accounts
  if (alice === undefined || bob === undefined) return ''
  const width = Math.max(...accounts.map(({ address }) => address.length))
  return `
Welcome to Posthorn. This is the first start: everything it keeps is in ${facts.dataFolder},
its settings are read from ${facts.mainCf} (none needed yet; see docs/config.md).

Two sample accounts; their passwords are shown this once:
${accounts.map(({ address, password }) => `    ${address.padEnd(width)}  ${password}`).join('\n')}

Three things to try:
  1. Send a message to ${alice.address}:
       telnet localhost ${ports.smtp}
       helo me / mail from: ${bob.address} / rcpt to: ${alice.address} / data / … / . / quit
  2. Read it over POP3, then over IMAP:
       telnet localhost ${ports.pop3}      user ${alice.address} / pass … / list / retr 1 / quit
       telnet localhost ${ports.imap}      a login ${alice.address} … / b select inbox / c fetch 1 body[] / d logout
  3. Add yourself, and point Thunderbird at IMAP ${ports.imaps} (TLS) and SMTP ${ports.submissions} (TLS) of ${facts.hostname}:
       npm run posthorn -- user add you@${alice.address.slice(alice.address.indexOf('@') + 1)}

For a real site set myhostname, mydestination and the ports in main.cf: docs/config.md.
`
}
