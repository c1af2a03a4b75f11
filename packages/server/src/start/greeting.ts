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

/** The words that run a command of this site here: as the server itself was started. */
export function commandName(
  environment: Readonly<Record<string, string | undefined>>,
  configOption: string | undefined,
): string {
  const program = environment['npm_lifecycle_event'] === undefined ? 'posthorn' : 'npm run posthorn --'
  return configOption === undefined ? program : `${program} --config ${configOption}`
}

/** What the first start says, once: accounts with their passwords, and what to try first. */
export function firstRunText(
  accounts: readonly SampleAccount[],
  ports: MailServerPorts,
  facts: {
    readonly dataFolder: string
    readonly mainCf: string
    readonly hostname: string
    readonly command: string
  },
): string {
  const [alice, bob] = accounts
  if (alice === undefined || bob === undefined) return ''
  const width = Math.max(...accounts.map(({ address }) => address.length))
  const domain = alice.address.slice(alice.address.indexOf('@') + 1)
  return `
Welcome to Posthorn. This is the first start: everything it keeps is in ${facts.dataFolder},
its settings are read from ${facts.mainCf} (none needed yet; see docs/config.md).

Two sample accounts; their passwords are shown this once:
${accounts.map(({ address, password }) => `    ${address.padEnd(width)}  ${password}`).join('\n')}

${thingsToTry(alice, bob, ports, facts.command, domain)}
For a real site set myhostname, mydestination, myorigin and the ports: in main.cf, or as POSTHORN_MYHOSTNAME …
in the environment (now it is ${facts.hostname}): docs/config.md.
`
}

/** Each line can be typed as it stands; a service that does not listen is not spoken of. */
function thingsToTry(
  alice: SampleAccount,
  bob: SampleAccount,
  ports: MailServerPorts,
  command: string,
  domain: string,
): string {
  const telnet = (port: number, ...lines: string[]): string =>
    port === 0 ? '' : `       telnet localhost ${port}\n${lines.map((line) => `         ${line}\n`).join('')}`
  const tls = [
    ports.imaps === 0 ? '' : `IMAP localhost:${ports.imaps}`,
    ports.submissions === 0 ? '' : `SMTP localhost:${ports.submissions}`,
  ].filter((text) => text !== '')
  const sending = telnet(
    ports.smtp,
    'helo me',
    `mail from:<${bob.address}>`,
    `rcpt to:<${alice.address}>`,
    'data',
    'Subject: hello',
    '',
    'My first message.',
    '.',
    'quit',
  )
  const pop3 = telnet(ports.pop3, `user ${alice.address}`, `pass ${alice.password}`, 'list', 'retr 1', 'quit')
  const imap = telnet(
    ports.imap,
    `a login ${alice.address} ${alice.password}`,
    'b select inbox',
    'c fetch 1 body[]',
    'd logout',
  )
  const ways = [pop3 === '' ? '' : 'over POP3', imap === '' ? '' : 'over IMAP'].filter((way) => way !== '')
  const thunderbird = tls.length === 0 ? '' : `, and point Thunderbird at ${tls.join(' and ')} (TLS)`
  const things = [
    sending === '' ? '' : `Send a message to ${alice.address}:\n${sending}`,
    ways.length === 0 ? '' : `Read it ${ways.join(', then ')}:\n${pop3}${imap}`,
    `Add yourself${thunderbird}:\n       ${command} user add you@${domain}\n`,
  ].filter((thing) => thing !== '')
  const title = ['One thing', 'Two things', 'Three things'][things.length - 1]
  return `${title} to try, each line as it stands:
${things.map((thing, at) => `  ${at + 1}. ${thing}`).join('')}`
}
