import { type LookupTable, lookupFirst } from '@posthorn/mta'
import type { SmtpClientOptions, SmtpServerAddress } from '@posthorn/smtp'
import type { ConfigValues } from '../config/schema/schema.ts'

type Login = NonNullable<SmtpClientOptions['login']>

/** Tables that a connection to another server asks. */
export interface ClientTables {
  readonly passwords: readonly LookupTable[]
  readonly discardKeywords: readonly LookupTable[]
  readonly pix: readonly LookupTable[]
  /** smtp_reply_filter */
  readonly replies: readonly LookupTable[]
}

/** `user:password`; the password may have colons. Postfix: smtp_sasl_password_maps. */
function parseLogin(text: string): { readonly user: string; readonly password: string } | undefined {
  const colon = text.indexOf(':')
  return colon <= 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** Keys as SASL_README has them: the sender where it counts, the next hop as configured, then the host. */
function findLogin(
  tables: readonly LookupTable[],
  server: SmtpServerAddress,
  nextHop: string,
  sender: string | undefined,
) {
  const bare = nextHop.replace(/^\[([^\]]*)\](:.*)?$/, '$1')
  const at = sender?.lastIndexOf('@') ?? -1
  const senders = sender === undefined || sender === '' ? [] : [sender, ...(at < 0 ? [] : [sender.slice(at)])]
  for (const key of [
    ...senders,
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

function loginFor(
  config: ConfigValues,
  tables: ClientTables,
  server: SmtpServerAddress,
  nextHop: string,
  sender: string,
): Login | undefined {
  const byServer = config.smtp_sasl_auth_enable
  if (!byServer) return undefined
  const login = findLogin(
    tables.passwords,
    server,
    nextHop,
    config.smtp_sender_dependent_authentication ? sender : undefined,
  )
  if (login === undefined) return undefined
  const tlsRefused = config.smtp_sasl_tls_security_options.includes('noplaintext')
  return {
    ...login,
    mechanisms: config.smtp_sasl_mechanism_filter,
    refusal: config.smtp_sasl_auth_soft_bounce ? 'soft' : 'hard',
    ...(config.smtp_sasl_security_options.includes('noplaintext') ? {} : { plaintext: 'allowed' as const }),
    ...(tlsRefused ? { plaintextInTls: 'refused' as const } : {}),
  }
}

/** Postfix: smtp_discard_ehlo_keyword_address_maps before smtp_discard_ehlo_keywords; `silent-discard` is said of the log. */
function discarded(config: ConfigValues, tables: readonly LookupTable[], address: string): readonly string[] {
  for (const table of tables) {
    const found = table.lookup(address)
    if (found !== undefined) return upperWords(found.split(/[\s,]+/))
  }
  return upperWords(config.smtp_discard_ehlo_keywords)
}

/** Postfix: smtp_pix_workaround_maps before smtp_pix_workarounds. */
const pixWorkarounds = (
  config: ConfigValues,
  tables: readonly LookupTable[],
  address: string,
): NonNullable<SmtpClientOptions['pix']> => ({
  words:
    lookupFirst(tables, address)
      ?.split(/[\s,]+/)
      .filter((word) => word !== '') ?? config.smtp_pix_workarounds,
  thresholdMs: config.smtp_pix_workaround_threshold_time,
  delayMs: config.smtp_pix_workaround_delay_time,
})

const upperWords = (words: readonly string[]): string[] =>
  words.map((word) => word.toUpperCase()).filter((word) => word !== '' && word !== 'SILENT-DISCARD')

/** How we speak to another server, from main.cf's smtp_* parameters. TLS by destination comes later. */
export function smtpClientOptions(
  config: ConfigValues,
  tables: ClientTables,
  server: SmtpServerAddress,
  nextHop: string,
  sender: string,
  protocol: 'smtp' | 'lmtp' = 'smtp',
): SmtpClientOptions {
  const login = loginFor(config, tables, server, nextHop, sender)
  const bind = server.address.includes(':') ? config.smtp_bind_address6 : config.smtp_bind_address
  return {
    protocol,
    heloName: config.smtp_helo_name,
    tlsLevel: 'may',
    ...(config.smtp_tls_wrappermode ? { wrapperMode: true } : {}),
    ...(login === undefined ? {} : { login }),
    ...(bind === '' ? {} : { localAddress: bind }),
    ...(config.smtp_bind_address_enforce ? { localAddressIs: 'needed' } : {}),
    ...(config.smtp_never_send_ehlo ? { ehlo: 'never' } : {}),
    ...(config.smtp_skip_5xx_greeting ? { refusingGreeting: 'soft' } : {}),
    ...(config.smtp_send_xforward_command ? { xforward: true } : {}),
    ...(config.smtp_send_dummy_mail_auth ? { dummyMailAuth: true } : {}),
    ...(tables.replies.length === 0
      ? {}
      : { replyFilter: (line: string) => lookupFirst(tables.replies, line) }),
    chunkFromBytes: protocol === 'smtp' ? config.smtp_bdat_minimum_size : 0,
    discardEhloKeywords: discarded(config, tables.discardKeywords, server.address),
    pix: pixWorkarounds(config, tables.pix, server.address),
    lineLengthLimitBytes: config.smtp_line_length_limit,
    timeouts: {
      connectMs: config.smtp_connect_timeout,
      heloMs: config.smtp_helo_timeout,
      startTlsMs: config.smtp_starttls_timeout,
      xforwardMs: config.smtp_xforward_timeout,
      mailMs: config.smtp_mail_timeout,
      rcptMs: config.smtp_rcpt_timeout,
      dataInitMs: config.smtp_data_init_timeout,
      dataXferMs: config.smtp_data_xfer_timeout,
      ...(config.smtp_per_request_deadline ? { minDataRate: config.smtp_min_data_rate } : {}),
      dataDoneMs: config.smtp_data_done_timeout,
      rsetMs: config.smtp_rset_timeout,
      // Nothing depends on the answer, and nobody waits for it.
      quitMs: Math.min(config.smtp_quit_timeout, longestQuitMs),
    },
  }
}

const longestQuitMs = 5_000
