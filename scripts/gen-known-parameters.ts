/**
 * Writes the names of all parameters of Postfix and Dovecot, from the programs on this machine, so that a
 * real one that we do not have is told apart from a typing error. Run by hand when they have new releases.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const target = new URL('../packages/server/src/config/known-parameters.generated.ts', import.meta.url)

/** Debian's master.cf has services that make parameters of their own. */
const transports = /^(bsmtp|ifmail|maildrop|mailman|scalemail-backend|uucp)_/

function namesOf(program: string, args: readonly string[]): readonly string[] {
  const text = execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const names = [...text.matchAll(/^([A-Za-z0-9_-]+) =/gm)].map((match) => match[1] ?? '')
  return [...new Set(names)].filter((name) => !transports.test(name)).sort()
}

function wrapped(names: readonly string[]): string {
  const lines: string[] = []
  let line = ''
  for (const name of names) {
    if (line.length + name.length > 100) {
      lines.push(line)
      line = ''
    }
    line += `${line === '' ? '' : ' '}${name}`
  }
  return [...lines, line].join('\n')
}

/** Of releases after the one that is installed: 3.8 to 3.11. */
const newer = `allow_srv_lookup_fallback force_mime_input_conversion full_name_encoding_charset
ignore_srv_lookup_error lmtp_tls_enable_rpk smtp_tls_enable_rpk smtpd_client_ipv4_prefix_length
smtpd_client_ipv6_prefix_length smtpd_hide_client_session smtpd_reject_filter_maps smtpd_tls_enable_rpk
smtp_tlsrpt_enable smtp_tlsrpt_skip_reused_handshakes smtp_tlsrpt_socket_name socketmap_max_reply_size
tls_config_file tls_config_name tls_required_enable requiretls_enable tlsproxy_tls_enable_rpk
use_srv_lookup`.split(/\s+/)

const postfix = [...new Set([...namesOf('postconf', ['-d']), ...newer])].sort()
const dovecot = namesOf('doveconf', ['-a'])
writeFileSync(
  target,
  `/* Made by scripts/gen-known-parameters.ts: names only. */\n
export const postfixParameters: ReadonlySet<string> = new Set(\`
${wrapped(postfix)}\`.trim().split(/\\s+/))\n
export const dovecotParameters: ReadonlySet<string> = new Set(\`
${wrapped(dovecot)}\`.trim().split(/\\s+/))
`,
)
console.log(`${postfix.length} names of Postfix, ${dovecot.length} of Dovecot`)
