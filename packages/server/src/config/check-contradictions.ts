import { splitNextHops } from '@posthorn/mta/next-hop'
import type { Config } from './config.ts'
import { unknownHomeParts } from './home-pattern.ts'
import { ownHostOf } from './own-host.ts'

/** Lists whose first word that ends them makes the rest idle. */
const restrictionLists = [
  'smtpd_client_restrictions',
  'smtpd_helo_restrictions',
  'smtpd_sender_restrictions',
  'smtpd_relay_restrictions',
  'smtpd_recipient_restrictions',
  'smtpd_data_restrictions',
  'smtpd_end_of_data_restrictions',
  'smtpd_etrn_restrictions',
] as const

/** Settings that the server runs with, and that do not do together what was meant. In Postfix's words where it has them. */
export function contradictions(config: Config): readonly string[] {
  return [
    ...sharedDomains(config),
    ...idleRestrictions(config),
    ...relayingByTable(config),
    ...openNetworks(config),
    ...nextHops(config),
    ...sizes(config),
    ...idleTables(config),
    ...unservedCommands(config),
    ...homes(config),
  ]
}

/** Whom the server becomes cannot become a third: such mail would wait, and be returned in the end. */
function* unservedCommands({ values }: Config): Generator<string> {
  const { mail_owner: owner, default_privs: privs } = values
  if (owner === '' || owner === privs) return
  for (const name of ['allow_mail_to_commands', 'allow_mail_to_files'] as const)
    if (values[name].some((word) => word !== 'forward'))
      yield `${name}: a server that runs as ${owner} (mail_owner) cannot become ${privs}: such mail waits; set default_privs = ${owner}`
    else if (values[name].length > 0)
      yield `${name}: a server that runs as ${owner} (mail_owner) cannot become ${privs}, and serves no .forward as itself: such mail waits`
}

/** Nobody's .forward would be found, and nothing said. */
function* homes({ values: { home_directory: pattern } }: Config): Generator<string> {
  for (const part of unknownHomeParts(pattern))
    yield `home_directory = ${pattern}: ${part} stands for nothing: %u or %n is the local part, %d the domain`
}

/** ADDRESS_CLASS_README: each domain is in one class. */
function* sharedDomains({ values }: Config): Generator<string> {
  const lists = [
    'mydestination',
    'virtual_alias_domains',
    'virtual_mailbox_domains',
    'relay_domains',
  ] as const
  for (const [index, first] of lists.entries()) {
    const words = new Set(values[first].map((word) => word.toLowerCase()))
    for (const second of lists.slice(index + 1))
      for (const word of values[second])
        if (words.has(word.toLowerCase()) && !/[:/]/.test(word))
          yield `do not list domain ${word} in BOTH ${first} and ${second}`
  }
}

const enders = new Set(['permit', 'reject', 'defer'])

/** smtpd(8) says so at the first client. */
function* idleRestrictions({ values }: Config): Generator<string> {
  for (const name of restrictionLists) {
    const words = values[name]
    const at = words.findIndex(
      (word, i) => enders.has(word.toLowerCase()) && words[i - 1] !== 'warn_if_reject',
    )
    const next = at === -1 ? undefined : words[at + 1]
    if (next !== undefined) yield `${name}: restriction "${next}" after "${words[at]}" is ignored`
  }
}

const closers = new Set(['reject', 'defer', 'reject_unauth_destination', 'defer_unauth_destination'])

/** SMTPD_ACCESS_README, dangerous use of smtpd_recipient_restrictions: an OK of a table lets strangers relay. */
function* relayingByTable({ values }: Config): Generator<string> {
  if (values.smtpd_relay_restrictions.some((word) => closers.has(word))) return
  const words = values.smtpd_recipient_restrictions
  const closed = words.findIndex((word) => closers.has(word))
  const table = words.findIndex((word) =>
    /^check_(?:client|helo|sender|reverse_client_hostname)_access$/.test(word),
  )
  if (table !== -1 && table < closed)
    yield `smtpd_recipient_restrictions: ${words[table]} stands before ${words[closed]}: whoever it lets through may relay anywhere; put it behind, or use smtpd_relay_restrictions`
}

function* openNetworks({ values, isSet }: Config): Generator<string> {
  if (!isSet('mynetworks')) return
  for (const word of values.mynetworks)
    if (/^(?:0\.0\.0\.0\/0|\[?::\]?\/0|static:all)$/.test(word))
      yield `mynetworks = ${word}: everybody may relay: this is an open relay`
}

function* nextHops(config: Config): Generator<string> {
  const { values } = config
  for (const [name, text] of [
    ['relayhost', values.relayhost],
    ['smtp_fallback_relay', values.smtp_fallback_relay.join(' ')],
  ] as const) {
    for (const own of splitNextHops(text).map((hop) => ownHostOf(hop, config)))
      if (own !== undefined)
        yield `${name} = ${text}: ${own} is this server itself: mail for ${own} loops back to myself`
  }
  if (values.smtp_sasl_auth_enable && values.smtp_sasl_password_maps.length === 0)
    yield "smtp_sasl_auth_enable = yes: specify a password table via the `smtp_sasl_password_maps' configuration parameter"
  if (!values.smtp_sasl_auth_enable && values.smtp_sasl_password_maps.length > 0)
    yield 'smtp_sasl_password_maps is not used without smtp_sasl_auth_enable = yes'
}

function* sizes({ values, isSet }: Config): Generator<string> {
  const { mailbox_size_limit: mailbox, message_size_limit: message } = values
  if (mailbox > 0 && (message > mailbox || message === 0) && isSet('mailbox_size_limit'))
    yield `main.cf configuration error: mailbox_size_limit (${mailbox}) is smaller than message_size_limit (${message}): such a message is accepted by no mailbox`
  else if (mailbox > 0 && mailbox < 10 * message && isSet('mailbox_size_limit'))
    yield `mailbox_size_limit = ${mailbox} is all that an account may hold, less than ten messages of message_size_limit (${message}); at Postfix it bounds a single file, with Maildirs a message`
}

function* idleTables({ values }: Config): Generator<string> {
  if (values.relay_recipient_maps.length > 0 && values.relay_domains.length === 0)
    yield 'relay_recipient_maps is not used: relay_domains is empty'
  if (values.luser_relay !== '' && values.local_recipient_maps.length > 0)
    yield `luser_relay = ${values.luser_relay} gets nothing: unknown users are refused before; set \`local_recipient_maps =\``
  if (values.virtual_mailbox_maps.length > 0 && values.virtual_mailbox_domains.length === 0)
    yield 'virtual_mailbox_maps is not used: virtual_mailbox_domains is empty'
}
