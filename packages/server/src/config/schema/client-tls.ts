import { tlsLevels as levels } from '@posthorn/mta/tls-levels'
import { postfix, posthorn } from './parameter.ts'

const seconds = (fallback: string, doc: string) => ({
  type: 'time' as const,
  default: fallback,
  unit: 's' as const,
  doc,
})
const tlsLevels = ['', ...levels] as const

/** TLS and login at other servers. */
export const clientTls = {
  smtp_tls_security_level: postfix({
    type: 'choice',
    values: tlsLevels,
    default: 'may',
    doc: '`may`: TLS when offered; `none`; `encrypt`: not without; `dane`, `dane-only`: as TLSA records say (RFC 7672); `fingerprint`, `verify`, `secure`: with a certificate that fits. (Default of Postfix: none.)',
  }),
  smtp_use_tls: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'The old name of smtp_tls_security_level = may; read when that is not set.',
  }),
  smtp_enforce_tls: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'The old name of smtp_tls_security_level = encrypt.',
  }),
  smtp_tls_CAfile: postfix({
    type: 'file',
    default: '',
    doc: 'Certificates of authorities trusted beside those of the system.',
  }),
  smtp_tls_trust_anchor_file: postfix({
    type: 'list',
    default: '',
    doc: 'Files with certificates that alone are trusted, those of the system and of smtp_tls_CAfile no more; they need not be roots. Public keys: level fingerprint.',
  }),
  smtp_tls_policy_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Destination, as the next hop is written, domain or `.parent` → TLS level with `match=`, `protocols=`, `ciphers=`, `exclude=`, `servername=`, `tafile=`.',
  }),
  smtp_tls_wrappermode: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Begin with TLS at once (port 465 of a relay host).',
  }),
  smtp_sasl_auth_enable: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Log in at other servers, with smtp_sasl_password_maps.',
  }),
  smtp_sasl_password_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Host or relayhost as written → user:password. The file must not be readable by others.',
  }),
  smtp_sasl_security_options: postfix({
    type: 'list',
    default: 'noplaintext, noanonymous',
    doc: 'Mechanisms not used: noplaintext, noanonymous.',
  }),
  smtp_sasl_tls_security_options: postfix({
    type: 'list',
    default: 'noanonymous',
    doc: 'The same once TLS is on. (Default of Postfix: $smtp_sasl_security_options.)',
  }),
  smtp_sasl_mechanism_filter: postfix({
    type: 'list',
    default: '',
    doc: 'Mechanisms used, if not all.',
  }),
  smtp_dns_support_level: postfix({
    type: 'choice',
    values: ['', 'disabled', 'enabled', 'dnssec'],
    default: '',
    doc: '`dnssec`: look mail servers up through a validating resolver (DANE needs it); `disabled`: no MX. (Postfix asks for dnssec with level dane as well.)',
  }),
  dnssec_resolvers: posthorn({
    type: 'list',
    default: '',
    doc: 'Validating resolvers whose answers are believed, `127.0.0.1`, `[::1]:5353`. Empty: those of the system that are on loopback.',
  }),
  smtp_tls_protocols: postfix({
    type: 'string',
    default: '>=TLSv1',
    doc: 'TLS versions with levels none and may.',
  }),
  smtp_tls_mandatory_protocols: postfix({
    type: 'string',
    default: '>=TLSv1.2',
    doc: 'TLS versions with the other levels. (Default of Postfix: >=TLSv1.)',
  }),
  smtp_tls_ciphers: postfix({
    type: 'string',
    default: 'medium',
    doc: 'Grade of ciphers with levels none and may.',
  }),
  smtp_tls_mandatory_ciphers: postfix({
    type: 'string',
    default: 'medium',
    doc: 'Grade of ciphers with the other levels: high, medium.',
  }),
  smtp_tls_exclude_ciphers: postfix({ type: 'list', default: '', doc: 'Ciphers never used.' }),
  smtp_tls_mandatory_exclude_ciphers: postfix({
    type: 'list',
    default: '',
    doc: 'Ciphers not used with levels beyond may.',
  }),
  smtp_tls_CApath: postfix({
    type: 'file',
    default: '',
    doc: 'A folder with certificates of authorities, trusted as those of smtp_tls_CAfile.',
  }),
  smtp_tls_cert_file: postfix({
    type: 'file',
    default: '',
    doc: 'Our certificate (PEM) for servers that ask for one.',
  }),
  smtp_tls_key_file: postfix({
    type: 'file',
    default: '$smtp_tls_cert_file',
    doc: 'The key of smtp_tls_cert_file.',
  }),
  smtp_tls_eccert_file: postfix({
    type: 'file',
    default: '',
    doc: 'A second certificate of ours, with an ECDSA key, for servers that prefer such.',
  }),
  smtp_tls_eckey_file: postfix({
    type: 'file',
    default: '$smtp_tls_eccert_file',
    doc: 'The key of smtp_tls_eccert_file.',
  }),
  smtp_tls_chain_files: postfix({
    type: 'list',
    default: '',
    doc: 'Files with a private key and, behind it, its certificate chain, one or several each. In the place of smtp_tls_cert_file and its kind.',
  }),
  smtp_tls_fingerprint_digest: postfix({
    type: 'string',
    default: 'sha256',
    doc: 'How fingerprints are made. (Default of Postfix: md5, by compatibility_level.)',
  }),
  smtp_tls_fingerprint_cert_match: postfix({
    type: 'list',
    default: '',
    doc: 'Fingerprints for level fingerprint where smtp_tls_policy_maps names none.',
  }),
  smtp_tls_verify_cert_match: postfix({
    type: 'list',
    default: 'hostname',
    doc: 'Names of which a certificate must have one at level verify: hostname, nexthop, dot-nexthop, names.',
  }),
  smtp_tls_secure_cert_match: postfix({
    type: 'list',
    default: 'nexthop, dot-nexthop',
    doc: 'The same at level secure.',
  }),
  smtp_tls_servername: postfix({
    type: 'string',
    default: '',
    doc: 'Name sent in the handshake: `hostname`, `nexthop`, a name. Empty: the host.',
  }),
  smtp_tls_dane_insecure_mx_policy: postfix({
    type: 'choice',
    values: ['dane', 'encrypt', 'may'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
    default: '${{$smtp_tls_security_level} == {dane} ? {dane} : {may}}',
    doc: 'Level for hosts with TLSA records that an unsigned MX record names.',
  }),
  smtp_tls_session_cache_timeout: postfix(
    seconds('3600s', 'How long TLS sessions are kept for the next connection. 0 = none.'),
  ),
  smtp_tls_loglevel: postfix({
    type: 'integer',
    default: '0',
    doc: '1: log each TLS session with its level of trust.',
  }),
  smtp_tls_note_starttls_offer: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Log each server that offers STARTTLS where TLS is off.',
  }),
  smtp_tls_mta_sts: posthorn({
    type: 'boolean',
    default: 'yes',
    doc: 'Obey the MTA-STS policies of other domains (RFC 8461) at levels may, encrypt and dane.',
  }),
  smtp_tlsrpt_enable: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Count what TLS does at other servers and report it each day (UTC) to the domains that ask for it at `_smtp._tls` (RFC 8460), by mail and by HTTPS. Built in: nothing else is needed. Reports pass non_smtpd_milters, which sign them.',
  }),
  smtp_tlsrpt_skip_reused_handshakes: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'Sessions that go on with the TLS of an earlier one are not counted.',
  }),
  smtp_tlsrpt_socket_name: postfix({
    type: 'string',
    default: '',
    instead: 'reports are made and sent by the server itself: no collector is needed',
    doc: 'The socket of a TLSRPT collector.',
  }),
  tlsrpt_organization: posthorn({
    type: 'string',
    default: '$mydomain',
    doc: 'Who reports: organization-name of TLS reports.',
  }),
  tlsrpt_contact: posthorn({
    type: 'string',
    default: 'postmaster@$mydomain',
    doc: 'The sender of TLS reports, and whom to ask about them.',
  }),
  smtp_sender_dependent_authentication: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Look logins up by the sender address first.',
  }),
  smtp_sasl_auth_soft_bounce: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'A refused login defers mail; no: it returns it.',
  }),
} as const
