import { dovecot, postfix, posthorn } from './parameter.ts'

/** Certificates and passwords. */
export const tlsAndLogin = {
  smtpd_tls_cert_file: postfix({
    type: 'file',
    default: '',
    doc: "PEM file with the server's certificate and its chain. Empty: a self-signed one, made on the first start in $data_directory/tls.",
  }),
  smtpd_tls_key_file: postfix({
    type: 'file',
    default: '$smtpd_tls_cert_file',
    doc: 'PEM file with its private key, without a passphrase, readable by its owner only.',
  }),
  smtpd_tls_eccert_file: postfix({
    type: 'file',
    default: '',
    doc: 'A second certificate, with an ECDSA key, beside an RSA one in smtpd_tls_cert_file.',
  }),
  smtpd_tls_eckey_file: postfix({
    type: 'file',
    default: '$smtpd_tls_eccert_file',
    doc: 'Its private key.',
  }),
  smtpd_tls_chain_files: postfix({
    type: 'list',
    default: '',
    doc: 'Files with a private key and, behind it, its certificate chain, one or several each. In the place of smtpd_tls_cert_file and its kind; for POP3 and IMAP, too, unless ssl_cert is set.',
  }),
  tls_server_sni_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'The name that a client asks for, or `.example.net` for all below it → chain files as in smtpd_tls_chain_files, on the ports of SMTP, POP3 and IMAP. Tables with keys; read at the start and at a reload.',
  }),
  smtpd_tls_ciphers: postfix({
    type: 'string',
    default: 'medium',
    doc: 'Grade of ciphers of TLS 1.2 on the SMTP ports: high, medium. (No other is offered.)',
  }),
  smtpd_tls_mandatory_ciphers: postfix({
    type: 'string',
    default: 'medium',
    doc: 'The same with smtpd_tls_security_level = encrypt.',
  }),
  smtpd_tls_exclude_ciphers: postfix({
    type: 'list',
    default: '',
    doc: "Ciphers that are not offered, in OpenSSL's words: `aNULL, RC4`.",
  }),
  smtpd_tls_mandatory_exclude_ciphers: postfix({
    type: 'list',
    default: '',
    doc: 'More of them with smtpd_tls_security_level = encrypt.',
  }),
  tls_high_cipherlist: postfix({
    type: 'string',
    default: '',
    doc: "What the grade high is, in OpenSSL's words. Empty: `HIGH:!aNULL:!eNULL`. (Default of Postfix: `aNULL:-aNULL:HIGH:@STRENGTH`.)",
  }),
  tls_medium_cipherlist: postfix({
    type: 'string',
    default: '',
    doc: "What the grade medium is, in OpenSSL's words. Empty: what Node.js offers. (Default of Postfix: `aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH`.)",
  }),
  tls_preempt_cipherlist: postfix({
    type: 'boolean',
    default: 'yes',
    doc: "The server's order of ciphers counts on the SMTP ports, not the client's. (Default of Postfix: no.)",
  }),
  ssl_cipher_list: dovecot({
    type: 'string',
    default: '',
    doc: "Ciphers of TLS 1.2 for POP3 and IMAP, in OpenSSL's words. Empty: what Node.js offers.",
  }),
  ssl_prefer_server_ciphers: dovecot({
    type: 'boolean',
    default: 'yes',
    doc: "The server's order of ciphers counts for POP3 and IMAP, not the client's. (Default of Dovecot: no.)",
  }),
  smtpd_tls_security_level: postfix({
    type: 'choice',
    values: ['', 'none', 'may', 'encrypt'],
    default: 'may',
    doc: '`may`: STARTTLS is offered; `encrypt`: required (never on a public port 25); `none`: not offered. (Default of Postfix: none.)',
  }),
  smtpd_use_tls: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'The old name of smtpd_tls_security_level = may; accepted.',
  }),
  smtpd_enforce_tls: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'The old name of smtpd_tls_security_level = encrypt; read when that is not set.',
  }),
  smtpd_tls_protocols: postfix({
    type: 'list',
    default: '>=TLSv1.2',
    doc: 'TLS versions on the SMTP ports: `>=TLSv1.2`, `!SSLv2, !SSLv3 …`. Older ones than 1.2 are not offered.',
  }),
  smtpd_tls_mandatory_protocols: postfix({
    type: 'list',
    default: '>=TLSv1.2',
    doc: 'The same with smtpd_tls_security_level = encrypt.',
  }),
  smtpd_tls_received_header: postfix({
    type: 'boolean',
    default: 'yes',
    doc: 'Name protocol and cipher in Received.',
  }),
  smtpd_tls_ask_ccert: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Ask clients for a certificate; who has none goes on without. See permit_tls_clientcerts, permit_tls_all_clientcerts, check_ccert_access.',
  }),
  smtpd_tls_req_ccert: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Send away who shows no certificate of an authority in smtpd_tls_CAfile; where TLS is required (smtpd_tls_security_level = encrypt, smtpd_tls_wrappermode), else they are only asked.',
  }),
  smtpd_tls_CAfile: postfix({
    type: 'file',
    default: '',
    doc: "PEM file with the certificates of the authorities whose clients are trusted. Empty: no client's certificate is trusted, but fingerprints may be looked up.",
  }),
  smtpd_tls_CApath: postfix({
    type: 'file',
    default: '',
    doc: 'A folder with certificates of authorities, trusted as those of smtpd_tls_CAfile.',
  }),
  smtpd_tls_fingerprint_digest: postfix({
    type: 'choice',
    values: ['sha256', 'sha1', 'sha384', 'sha512', 'md5'],
    default: 'sha256',
    doc: "The digest of certificates' fingerprints, in relay_clientcerts, check_ccert_access and for policy services. (Default of Postfix before compatibility_level 3.6: md5.)",
  }),
  relay_clientcerts: postfix({
    type: 'tables',
    default: '',
    doc: "Tables of the fingerprints (`AB:CD:…`) of clients' certificates or public keys that permit_tls_clientcerts lets in.",
  }),
  smtpd_tls_loglevel: postfix({
    type: 'integer',
    default: '0',
    min: 0,
    max: 4,
    doc: '1: log a line for each handshake.',
  }),
  smtpd_discard_ehlo_keywords: postfix({
    type: 'list',
    default: '',
    doc: 'Words that EHLO does not say: `chunking, dsn`. What is left out is refused, too. `silent-discard` is accepted.',
  }),
  smtpd_discard_ehlo_keyword_address_maps: postfix({
    type: 'tables',
    default: '',
    doc: 'Client address → the words that EHLO does not say to it, instead of smtpd_discard_ehlo_keywords.',
  }),
  smtpd_tls_wrappermode: postfix({
    type: 'boolean',
    default: 'no',
    change: 'restart',
    doc: 'TLS from the first octet: for `-o smtpd_tls_wrappermode=yes` of a service in master.cf.',
  }),
  smtpd_tls_auth_only: postfix({
    type: 'boolean',
    default: '$disable_plaintext_auth',
    doc: 'Neither offer nor accept AUTH without TLS. (Default of Postfix: no.)',
  }),
  smtpd_sasl_auth_enable: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'AUTH on the port for other servers too. The submission ports always have it.',
  }),
  smtpd_sasl_security_options: postfix({
    type: 'list',
    default: 'noanonymous',
    doc: 'Mechanisms not offered: noanonymous, noplaintext.',
  }),
  smtpd_sasl_tls_security_options: postfix({
    type: 'list',
    default: '$smtpd_sasl_security_options',
    doc: 'The same once TLS is on.',
  }),
  smtpd_sasl_authenticated_header: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Name the login in Received.',
  }),
  smtpd_sasl_mechanism_filter: postfix({
    type: 'list',
    default: '',
    doc: 'Mechanisms that EHLO names, of those in auth_mechanisms: names, /files, tables, `!` before what it does not name. As at Postfix, a client may use the others all the same: auth_mechanisms is what forbids one. (Default of Postfix: !external, static:rest; here external is off until auth_mechanisms has it.)',
  }),
  smtpd_sasl_exceptions_networks: postfix({
    type: 'networks',
    default: '',
    doc: 'Clients that AUTH is not offered to.',
  }),
  smtpd_sasl_local_domain: postfix({
    type: 'string',
    default: '',
    doc: 'The domain of logins without one, when not auth_default_realm.',
  }),
  smtpd_sasl_type: postfix({
    type: 'string',
    default: 'posthorn',
    instead:
      'Accounts are in the store (`posthorn user add`); `passdb = saslauthd` asks a saslauthd, as cyrus would.',
    doc: 'Who checks passwords: cyrus or dovecot elsewhere, the server itself here.',
  }),
  smtpd_sasl_path: postfix({
    type: 'string',
    default: 'smtpd',
    instead: '`passdb = saslauthd:/run/saslauthd/mux` names the socket of saslauthd.',
    doc: 'Where that one listens.',
  }),
  broken_sasl_auth_clients: postfix({
    type: 'boolean',
    default: 'no',
    doc: 'Announce `AUTH=PLAIN LOGIN` too, for clients of the last century.',
  }),
  ssl: dovecot({
    type: 'choice',
    values: ['yes', 'no', 'required'],
    default: 'yes',
    doc: 'TLS for POP3 and IMAP: `yes` offered, `required` no login without, `no` none.',
  }),
  ssl_cert: dovecot({
    type: 'file',
    default: '$smtpd_tls_cert_file',
    doc: 'The certificate for POP3 and IMAP; `</path` as Dovecot writes it, or `/path`.',
  }),
  ssl_key: dovecot({ type: 'file', default: '$smtpd_tls_key_file', doc: 'Its private key.' }),
  ssl_min_protocol: dovecot({
    type: 'choice',
    values: ['TLSv1.2', 'TLSv1.3', 'TLSv1', 'TLSv1.1', 'ANY', 'LATEST'],
    default: 'TLSv1.2',
    doc: 'The oldest TLS for POP3 and IMAP. Nothing below TLSv1.2 is offered, whatever stands here.',
  }),
  ssl_ca: dovecot({
    type: 'file',
    default: '',
    doc: 'PEM file with the certificates of the authorities whose clients are trusted by POP3 and IMAP; `</path` as Dovecot writes it, or `/path`. Where revocation lists stand in it, too, certificates on them are not trusted, nor any of an authority without a list. SMTP has smtpd_tls_CAfile.',
  }),
  ssl_verify_client_cert: dovecot({
    type: 'boolean',
    default: 'no',
    doc: 'Ask clients of POP3 and IMAP for a certificate; who has none, or none that is trusted, goes on without. On as well where the two parameters below are.',
  }),
  auth_ssl_require_client_cert: dovecot({
    type: 'boolean',
    default: 'no',
    doc: 'Nobody logs in (SMTP, POP3, IMAP) without a certificate that is trusted. SMTP asks for one by smtpd_tls_ask_ccert.',
  }),
  auth_ssl_username_from_cert: dovecot({
    type: 'boolean',
    default: 'no',
    doc: "Who shows a trusted certificate logs in as the user that it names, whatever name comes with the password; with `external` in auth_mechanisms without a password. In SMTP, too, with smtpd_tls_ask_ccert and smtpd_tls_CAfile: these authorities must be as careful about names as ssl_ca's.",
  }),
  ssl_cert_username_field: dovecot({
    type: 'string',
    default: 'commonName',
    doc: "The part of the certificate's subject that is the name of a user: commonName, emailAddress, userId, serialNumber, x500UniqueIdentifier.",
  }),
  disable_plaintext_auth: dovecot({
    type: 'boolean',
    default: 'yes',
    doc: 'Neither offer nor accept passwords without TLS. Connections from this machine are exempt.',
  }),
  auth_mechanisms: dovecot({
    type: 'list',
    default: 'plain login',
    doc: 'SASL mechanisms in SMTP, POP3 and IMAP: plain, login, scram-sha-256, scram-sha-256-plus, external (see auth_ssl_username_from_cert), oauthbearer, xoauth2 (see passdb, and docs/oauth.md). With SCRAM a verifier is kept beside each password (RFC 5803): made when the password is set, or at the next login that shows it. A verifier is cheaper to guess from than argon2id, for one who steals the store.',
  }),
  auth_scram_iterations: posthorn({
    type: 'integer',
    default: '20000',
    min: 4096,
    max: 65536,
    doc: 'Iterations of new SCRAM verifiers; old ones are renewed at the next login with a password. Some clients refuse more than 65536.',
  }),
  passdb: dovecot({
    type: 'list',
    default: 'store',
    doc: 'Who checks passwords, asked in turn until one says yes: `store` (always the first), `passwd-file:/etc/posthorn/users` (lines as Dovecot reads them, `user:{SCHEME}hash:uid:gid::home::`, or passwd(5) with hashes of crypt(3)), `saslauthd:/run/saslauthd/mux` (a running saslauthd: PAM, shadow, LDAP, Kerberos), `oauth2:/etc/posthorn/oauth2.conf` (bearer tokens, by an authorization server or by keys; lines of dovecot-oauth2.conf.ext as Dovecot has it, see docs/oauth.md). Users are called by their local part at auth_default_realm, by their whole address elsewhere. A user who is taken and has no mailbox yet gets one. Dovecot writes `passdb { driver = … }`.',
  }),
  userdb: dovecot({
    type: 'list',
    default: 'store',
    doc: 'Who has a mailbox: `store`; `passwd` (users of the system with a uid from first_valid_uid to last_valid_uid, by /etc/passwd and, where nsswitch.conf names a directory, getent); `passwd-file:/etc/posthorn/users`. A mailbox is made at the first mail or login; its home is where .forward is looked for. Dovecot writes `userdb { driver = … }`.',
  }),
  first_valid_uid: dovecot({
    type: 'integer',
    default: '1000',
    doc: 'Users with a smaller uid have no mailbox: root and daemons. Aliases lead their mail to people. (Default of Dovecot: 500.)',
  }),
  last_valid_uid: dovecot({
    type: 'integer',
    default: '0',
    doc: 'Users with a greater uid have no mailbox; 0 = no limit.',
  }),
  smtpd_sasl_service: postfix({
    type: 'string',
    default: 'smtp',
    doc: 'The service that saslauthd is told: for PAM the name of a file in /etc/pam.d. The same for POP3 and IMAP.',
  }),
  auth_failure_delay: dovecot({
    type: 'time',
    default: '15s',
    unit: 's',
    max: 60,
    doc: 'The longest pause before a login from an address with failures behind it; it grows from one second, doubling. Trusted networks do not wait. (Default of Dovecot: 2s.)',
  }),
  auth_failure_limit: posthorn({
    type: 'integer',
    default: '50',
    doc: 'Failed logins from one address in auth_failure_window before it is refused until the window ends. Users who have logged in from there, and trusted networks, are exempt. 0 = no limit.',
  }),
  auth_failure_window: posthorn({
    type: 'time',
    default: '10m',
    unit: 's',
    min: 1,
    doc: 'The time over which failed logins count.',
  }),
  auth_cache_ttl: dovecot({
    type: 'time',
    default: '10m',
    unit: 's',
    doc: 'How long a verified password is remembered (as a keyed hash in memory), so that returning clients are cheap. 0 = never. (Default of Dovecot: 1h.)',
  }),
  auth_worker_max_count: dovecot({
    type: 'integer',
    default: '2',
    min: 1,
    max: 64,
    doc: 'Password hashes a worker computes at once; each takes a thread and 19 MiB. (Default of Dovecot: 30.)',
  }),
} as const
