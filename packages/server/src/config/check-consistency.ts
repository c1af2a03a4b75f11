import { closest } from '@posthorn/mta/closest'
import { parseNextHop, splitNextHops } from '@posthorn/mta/next-hop'
import { compileUidlFormat } from '@posthorn/pop3/uidl'
import { clientCertificateProblems } from '../services/client-certificates.ts'
import { clientQuirks } from '../services/imap-capabilities.ts'
import { mechanismProblems } from '../services/mechanisms.ts'
import { expireDays, workarounds } from '../services/pop3-options.ts'
import { parseSourceWord } from '../services/source-word.ts'
import { readTlsVersions } from '../services/tls-versions.ts'
import { contradictions } from './check-contradictions.ts'
import type { Config } from './config.ts'

interface Findings {
  readonly problems: string[]
  readonly warnings: string[]
}

/** Settings that are right each and wrong together. In Postfix's words where it has them. */
export function checkConsistency(config: Config): Findings {
  const found: Findings = { problems: [], warnings: [] }
  checkRelaying(config, found)
  checkClasses(config, found)
  found.warnings.push(...contradictions(config))
  checkPorts(config, found)
  checkNames(config, found)
  checkNextHops(config, found)
  checkTimes(config, found)
  checkWatching(config, found)
  checkQuirks(config, found)
  checkPop3(config, found)
  checkDeliverers(config, found)
  checkFeedback(config, found)
  checkLogins(config, found)
  checkSaslOptions(config, found)
  checkProtocols(config, found)
  checkProxies(config, found)
  return found
}

const closers = new Set([
  'reject',
  'defer',
  'defer_if_permit',
  'reject_unauth_destination',
  'defer_unauth_destination',
  'check_relay_domains',
])

/** smtpd(8) will not serve without one: an open relay is never what was meant. */
function checkRelaying({ values }: Config, { problems }: Findings): void {
  const words = [...values.smtpd_relay_restrictions, ...values.smtpd_recipient_restrictions]
  if (words.some((word) => closers.has(word))) return
  problems.push(
    'in parameter smtpd_relay_restrictions or smtpd_recipient_restrictions, specify at least one working instance of: reject_unauth_destination, defer_unauth_destination, reject, defer, defer_if_permit',
  )
}

function checkClasses(config: Config, { problems }: Findings): void {
  for (const name of config.restrictionClasses.keys()) {
    if (!config.isSet(name))
      problems.push(`smtpd_restriction_classes: "${name}" is not defined: add \`${name} = …\``)
  }
}

function checkPorts({ services }: Config, { problems }: Findings): void {
  const users = new Map<string, string>()
  for (const { key, port, host } of [...services.smtp, ...services.reading]) {
    if (port === 0) continue
    const other = users.get(`${host} ${port}`) ?? users.get(`undefined ${port}`)
    if (other !== undefined) problems.push(`${key} and ${other} are both ${port}`)
    users.set(`${host} ${port}`, key)
  }
}

function checkNames({ values }: Config, { problems, warnings }: Findings): void {
  const { myhostname, mydomain } = values
  for (const [name, value] of [
    ['myhostname', myhostname],
    ['mydomain', mydomain],
  ] as const) {
    if (!isHostName(value)) {
      problems.push(`bad string parameter value: ${name} = ${value}`)
    }
  }
  if (!myhostname.includes('.')) {
    warnings.push(`myhostname = ${myhostname} is not fully qualified: other servers may refuse our mail`)
  }
}

/** Found here, and not by the first mail that goes nowhere. */
function checkNextHops({ values }: Config, { problems }: Findings): void {
  for (const [name, text] of [
    ['relayhost', values.relayhost],
    ['smtp_fallback_relay', values.smtp_fallback_relay.join(' ')],
  ] as const)
    for (const hop of splitNextHops(text))
      if (parseNextHop(hop) === undefined)
        problems.push(`${name} = ${text}: bad next hop: ${hop} (host, host:port, [host], [host]:port)`)
}

function checkTimes({ values }: Config, { problems }: Findings): void {
  if (values.minimal_backoff_time > values.maximal_backoff_time) {
    problems.push('minimal_backoff_time is more than maximal_backoff_time')
  }
  if (values.greylist_delay >= values.greylist_retry_window) {
    problems.push('greylist_delay is not less than greylist_retry_window: no client could ever pass')
  }
}

function isHostName(name: string): boolean {
  return name.length <= 255 && name.split('.').every((label) => /^[A-Za-z0-9_-]{1,63}$/.test(label))
}

function checkWatching({ values }: Config, { problems, warnings }: Findings): void {
  if (!/^(?:[01]\d|2[0-3]):[0-5]\d$/.test(values.daily_report_time))
    problems.push(`daily_report_time = ${values.daily_report_time}: not a time of day (00:05)`)
  if (values.metrics_listen === '') return
  const [, host = '', port = ''] = /^(?:(.*):)?(\d{1,5})$/.exec(values.metrics_listen) ?? []
  if (port === '' || Number(port) > 65_535)
    problems.push(`metrics_listen = ${values.metrics_listen}: not a port or an address with a port`)
  else if (host !== '' && !/^(?:127\.[\d.]+|\[::1\]|localhost)$/.test(host))
    warnings.push(`metrics_listen = ${values.metrics_listen}: others than this machine may read it`)
}

function checkQuirks({ values }: Config, { problems }: Findings): void {
  try {
    clientQuirks(values.imap_client_quirks)
  } catch (error) {
    problems.push(`imap_client_quirks: ${(error as Error).message}`)
  }
}

const saslOptions = [
  'noanonymous',
  'noplaintext',
  'noactive',
  'nodictionary',
  'mutual_auth',
  'forward_secrecy',
]

/** In smtpd's words: a slip must not open what was to be closed. Postfix: xsasl_server(3). */
function checkSaslOptions({ values }: Config, { problems }: Findings): void {
  for (const name of [
    'smtpd_sasl_security_options',
    'smtpd_sasl_tls_security_options',
    'smtp_sasl_security_options',
    'smtp_sasl_tls_security_options',
  ] as const)
    for (const word of values[name]) {
      if (saslOptions.includes(word)) continue
      const close = closest(word.toLowerCase(), saslOptions)
      problems.push(
        `${name}: unknown SASL security options value "${word}"; ${close === undefined ? `one of ${saslOptions.join(', ')}` : `did you mean "${close}"?`}`,
      )
    }
}

function checkLogins({ values }: Config, { problems }: Findings): void {
  problems.push(...mechanismProblems(values), ...clientCertificateProblems(values))
  for (const parameter of ['passdb', 'userdb'] as const) {
    for (const word of values[parameter]) {
      try {
        parseSourceWord(word, parameter)
      } catch (error) {
        problems.push((error as Error).message)
      }
    }
  }
}

const readingProtocols = ['imap', 'pop3', 'lmtp'] as const

function checkProtocols({ values }: Config, { problems, warnings }: Findings): void {
  for (const word of values.protocols.map((name) => name.toLowerCase())) {
    if (word === 'none' || readingProtocols.some((name) => name === word)) continue
    const close = closest(word, readingProtocols)
    if (/^(?:imap|pop3)s$/.test(word))
      warnings.push(`protocols: '${word}' protocol is no longer necessary, remove it`)
    // No mail depends on its port, and it stands in many copied configurations.
    else if (word === 'sieve') warnings.push('protocols: sieve is not served here')
    else
      problems.push(
        `protocols: Unknown protocol: ${word}; ${close === undefined ? `one of ${readingProtocols.join(', ')}` : `did you mean "${close}"?`}`,
      )
  }
  for (const name of ['smtpd_tls_protocols', 'smtpd_tls_mandatory_protocols'] as const) {
    try {
      readTlsVersions(values[name])
    } catch (error) {
      problems.push(`${name}: ${(error as Error).message}; write for instance >=TLSv1.2`)
    }
  }
}

/** Clients of a proxy that nobody named would be served as the proxy, who may relay where it is in mynetworks. */
function checkProxies({ values }: Config, { problems }: Findings): void {
  for (const name of ['smtpd_upstream_proxy_protocol', 'postscreen_upstream_proxy_protocol'] as const)
    if (values[name] === 'haproxy' && values.haproxy_trusted_networks.length === 0)
      problems.push(
        `${name} = haproxy: name the proxies: haproxy_trusted_networks = 192.0.2.1, 2001:db8::1 (headers are read from these alone)`,
      )
}

function checkPop3({ values }: Config, { problems }: Findings): void {
  for (const use of [
    () => compileUidlFormat(values.pop3_uidl_format),
    () => expireDays(values.pop3_expire),
    () => workarounds(values.pop3_client_workarounds),
  ]) {
    try {
      use()
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error))
    }
  }
}

const deliverers = ['local_transport', 'virtual_transport', 'mailbox_transport', 'mailbox_command'] as const

/** A line of an old main.cf that hands all mail to another program leaves our mailboxes empty. */
function checkDeliverers({ values, isSet }: Config, { warnings }: Findings): void {
  for (const name of deliverers) {
    const value = values[name]
    if (!isSet(name) || value === '' || /^(?:local|virtual|error|retry)(?::|$)/.test(value)) continue
    warnings.push(
      `${name} = ${value}: mail for our users goes there, and not into the mailboxes that POP3 and IMAP serve; without this line it does`,
    )
  }
}

/** SCHEDULER_README; mta reads it. */
const feedbackForm = /^(?:0(?:\.\d+)?|1(?:\.0+)?|\d+(?:\.\d+)?\/(?:\d+(?:\.\d+)?|(?:sqrt_)?concurrency))$/

function checkFeedback(config: Config, { problems }: Findings): void {
  for (const name of [...config.setNames, 'default_destination_concurrency_positive_feedback']) {
    const value = /_concurrency_(?:positive|negative)_feedback$/.test(name) ? config.text(name) : undefined
    if (value !== undefined && !feedbackForm.test(value))
      problems.push(
        `${name} = ${value}: expected a number from 0 to 1, 1/NUMBER, 1/concurrency or 1/sqrt_concurrency`,
      )
  }
}
