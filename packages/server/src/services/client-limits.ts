import type { Log } from '@posthorn/mail'
import {
  type ClientLimits,
  createClientLimits,
  createNetworkList,
  type ReceiveConfiguration,
  type StatisticsTimes,
  submit,
  type Tables,
} from '@posthorn/mta'
import type { PrefixLengths } from '@posthorn/net'
import type { Store } from '@posthorn/storage'
import type { Config } from '../config/config.ts'

export interface ClientLimitParts {
  readonly store: Store
  readonly tables: Tables
  readonly log: Log
  readonly now: () => number
  readonly receive: Pick<ReceiveConfiguration, 'options' | 'routing'>
}

/** What counts as one client. Postfix: smtpd_client_ipv4_prefix_length, smtpd_client_ipv6_prefix_length. */
export const clientPrefixes = (values: Config['values']): PrefixLengths => ({
  ipv4: values.smtpd_client_ipv4_prefix_length,
  ipv6: values.smtpd_client_ipv6_prefix_length,
})

/** Postfix's rate limits and the sending limit of accounts, from main.cf. */
export function clientLimits(config: Config, parts: ClientLimitParts): ClientLimits | undefined {
  const { values } = config
  const { store, log, now, receive } = parts
  const tellPostmaster = (account: string, clientAddress: string): void => {
    const content = [warning(config, account, clientAddress)]
    submit(
      { sender: '', recipients: [{ address: 'postmaster' }], content, userid: process.getuid?.() ?? 0 },
      { store, log, now, configuration: () => receive },
    ).catch((error) =>
      log({ level: 'error', service: 'smtpd', text: `cannot tell postmaster of ${account}`, error }),
    )
  }
  return createClientLimits(
    {
      unitMs: values.anvil_rate_time_unit,
      hostname: values.myhostname,
      prefixes: clientPrefixes(values),
      connections: values.smtpd_client_connection_rate_limit,
      messages: values.smtpd_client_message_rate_limit,
      recipients: values.smtpd_client_recipient_rate_limit,
      authentications: values.smtpd_client_auth_rate_limit,
      tlsSessions: values.smtpd_client_new_tls_session_rate_limit,
      accountRecipients: values.account_recipient_rate_limit,
      accountUnitMs: values.account_rate_time_unit,
    },
    {
      counters: store.counters,
      exceptions: createNetworkList(values.smtpd_client_event_limit_exceptions, parts),
      log,
      now,
      tellPostmaster,
    },
  )
}

function warning({ values }: Config, account: string, clientAddress: string): Buffer {
  const limit = `${values.account_recipient_rate_limit} recipients in ${values.account_rate_time_unit / 1000} seconds`
  return Buffer.from(
    [
      `From: Mail Delivery System <MAILER-DAEMON@${values.myhostname}>`,
      'To: postmaster',
      `Subject: ${account} sends more than the limit`,
      'Auto-Submitted: auto-generated',
      '',
      `The account ${account} has sent to more than ${limit}, the last from ${clientAddress}.`,
      'Further mail of this account is refused until the time is over.',
      '',
      'If its owner knows nothing of this, somebody else has the password. Then:',
      '',
      `    posthorn user disable ${account}`,
      `    posthorn user passwd ${account}`,
      '    mailq',
      '',
      'The limit is account_recipient_rate_limit in main.cf.',
      '',
    ].join('\n'),
  )
}

/** When anvil(8) speaks, and of what time. */
export const statisticsTimes = ({ values }: Config): StatisticsTimes => ({
  unitMs: values.anvil_rate_time_unit,
  reportMs: values.anvil_status_update_time,
})
