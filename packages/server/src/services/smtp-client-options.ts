import type { LookupTable } from '@posthorn/mta'
import type { SmtpClientOptions, SmtpServerAddress } from '@posthorn/smtp'
import type { ConfigValues } from '../config/schema/schema.ts'

function tlsLevel(config: ConfigValues): SmtpClientOptions['tlsLevel'] {
  const level = config.smtp_tls_security_level
  if (level === 'none' || level === 'may' || level === 'encrypt') return level
  if (level !== '') return 'verify'
  if (config.smtp_enforce_tls) return 'encrypt'
  return config.smtp_use_tls ? 'may' : 'none'
}

/** `user:password`; the password may have colons. Postfix: smtp_sasl_password_maps. */
function parseLogin(text: string): { readonly user: string; readonly password: string } | undefined {
  const colon = text.indexOf(':')
  return colon <= 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** Keys as SASL_README has them: the next hop as configured, then the host. */
function findLogin(tables: readonly LookupTable[], server: SmtpServerAddress, nextHop: string) {
  const bare = nextHop.replace(/^\[([^\]]*)\](:.*)?$/, '$1')
  for (const key of [
    nextHop,
    nextHop.replace(/:\d+$/, ''),
    `[${server.host}]:${server.port}`,
    server.host,
    bare,
  ]) {
    for (const table of tables) {
      const found = table.lookup(key)
      const login = found === undefined ? undefined : parseLogin(found)
      if (login !== undefined) return login
    }
  }
  return undefined
}

/** How we speak to another server, from main.cf's smtp_* parameters. */
export function smtpClientOptions(
  config: ConfigValues,
  passwords: readonly LookupTable[],
  server: SmtpServerAddress,
  nextHop: string,
): SmtpClientOptions {
  const login = config.smtp_sasl_auth_enable ? findLogin(passwords, server, nextHop) : undefined
  const plaintext = config.smtp_sasl_security_options.includes('noplaintext')
    ? {}
    : ({ plaintext: 'allowed' } as const)
  const bind = server.address.includes(':') ? config.smtp_bind_address6 : config.smtp_bind_address
  return {
    protocol: 'smtp',
    heloName: config.smtp_helo_name,
    tlsLevel: tlsLevel(config),
    ...(config.smtp_tls_wrappermode ? { wrapperMode: true } : {}),
    ...(login === undefined ? {} : { login: { ...login, ...plaintext } }),
    ...(bind === '' ? {} : { localAddress: bind }),
    lineLengthLimitBytes: config.smtp_line_length_limit,
    timeouts: {
      connectMs: config.smtp_connect_timeout,
      heloMs: config.smtp_helo_timeout,
      mailMs: config.smtp_mail_timeout,
      rcptMs: config.smtp_rcpt_timeout,
      dataInitMs: config.smtp_data_init_timeout,
      dataXferMs: config.smtp_data_xfer_timeout,
      dataDoneMs: config.smtp_data_done_timeout,
      rsetMs: config.smtp_rset_timeout,
    },
  }
}
