import type { SmtpOptions } from '@posthorn/smtp'
import type { ConfigValues } from '../config/schema/schema.ts'
import { certificateReader } from './client-certificates.ts'
import { configuredMechanisms } from './mechanisms.ts'

const yesNo = (on: boolean): 'yes' | 'no' => (on ? 'yes' : 'no')

/** 0 in the configuration means no limit. */
const orEndless = (limit: number): number => (limit === 0 ? Number.MAX_SAFE_INTEGER : limit)

function tlsLevel(config: ConfigValues): SmtpOptions['tlsLevel'] {
  if (config.smtpd_tls_security_level !== '') return config.smtpd_tls_security_level
  if (config.smtpd_enforce_tls) return 'encrypt'
  return config.smtpd_use_tls ? 'may' : 'none'
}

function certificateDemand(config: ConfigValues): SmtpOptions['clientCertificate'] {
  if (config.smtpd_tls_req_ccert) return 'require'
  return config.smtpd_tls_ask_ccert ? 'ask' : 'none'
}

function bareNewline({ smtpd_forbid_bare_newline: mode }: ConfigValues): SmtpOptions['bareNewline'] {
  return mode === 'reject' || mode === 'note' ? mode : 'normalize'
}

function mechanisms(config: ConfigValues, security: readonly string[]): readonly string[] {
  const noPlaintext = security.includes('noplaintext')
  const offered = configuredMechanisms(config)
  return noPlaintext ? offered.filter((name) => name !== 'PLAIN' && name !== 'LOGIN') : offered
}

/** Options of the receiving SMTP sessions from main.cf. What submission adds is smtp's own knowledge. */
export function smtpOptions(config: ConfigValues): Partial<SmtpOptions> & Pick<SmtpOptions, 'hostname'> {
  return {
    hostname: config.myhostname,
    messageSizeLimitBytes: config.message_size_limit,
    lineLengthLimitBytes: config.line_length_limit,
    authLineLimitBytes: config.smtpd_sasl_response_limit,
    recipientLimit: config.smtpd_recipient_limit,
    recipientOvershootLimit: config.smtpd_recipient_overshoot_limit,
    softErrorLimit: config.smtpd_soft_error_limit,
    hardErrorLimit: config.smtpd_hard_error_limit,
    errorSleepMs: config.smtpd_error_sleep_time,
    junkCommandLimit: config.smtpd_junk_command_limit,
    commandTimeoutMs: config.smtpd_timeout,
    handshakeTimeoutMs: config.smtpd_starttls_timeout,
    requestDeadline: yesNo(config.smtpd_per_request_deadline),
    minDataRate: config.smtpd_min_data_rate,
    connectionsPerClient: orEndless(config.smtpd_client_connection_count_limit),
    connections: orEndless(config.default_process_limit),
    greetWaitMs: config.smtpd_greet_wait,
    bareNewline: bareNewline(config),
    bareNewlineRejectCode: config.smtpd_forbid_bare_newline_reject_code,
    tlsLog: config.smtpd_tls_loglevel > 0 ? 'yes' : 'no',
    proxyTimeoutMs: config.smtpd_upstream_proxy_timeout,
    tlsMechanisms: mechanisms(config, config.smtpd_sasl_tls_security_options),
    softBounce: yesNo(config.soft_bounce),
    forbidPipelining: yesNo(config.smtpd_forbid_unauth_pipelining),
    heloRequired: yesNo(config.smtpd_helo_required),
    discardEhloKeywords: config.smtpd_discard_ehlo_keywords.map((word) => word.toUpperCase()),
    noopCommands: config.smtpd_noop_commands.map((name) => name.toUpperCase()),
    // A proxy that is not among haproxy_trusted_networks: its client must not be taken for it.
    forbiddenCommands: [...config.smtpd_forbidden_commands, 'PROXY']
      .filter((name) => !name.includes(':'))
      .map((name) => name.toUpperCase()),
    smtpUtf8: yesNo(config.smtputf8_enable),
    envelopeSyntax: config.strict_rfc821_envelopes ? 'strict' : 'lenient',
    numericDomains: config.resolve_numeric_domain ? 'literals' : 'refused',
    hyphenAddresses: config.allow_min_user ? 'taken' : 'refused',
    vrfy: config.disable_vrfy_command ? 'disabled' : 'enabled',
    tlsLevel: tlsLevel(config),
    clientCertificate: certificateDemand(config),
    certificateUser: certificateReader(config),
    authOnlyWithTls: yesNo(config.smtpd_tls_auth_only),
    brokenSaslAuthClients: yesNo(config.broken_sasl_auth_clients),
    mechanisms: mechanisms(config, config.smtpd_sasl_security_options),
    proxyProtocolFrom:
      config.smtpd_upstream_proxy_protocol === 'haproxy' ? config.haproxy_trusted_networks : [],
  }
}

/** AUTH on port 25 only as configured; the submission services always have it. */
export const mxOptions = (config: ConfigValues): Partial<SmtpOptions> => ({
  auth: config.smtpd_sasl_auth_enable ? 'enabled' : 'disabled',
})
