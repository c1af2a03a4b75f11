import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compareConfigs } from './config.ts'
import { ConfigError } from './config-error.ts'
import { buildConfig } from './load-config.ts'
import { locateMainCf } from './locate.ts'
import { testMachine } from './machine-fixture.ts'

const place = { file: '/srv/mail/main.cf', folder: '/srv/mail', named: false }

function read(text: string, environment: Record<string, string> = {}) {
  return buildConfig(place, text, { environment, machine: testMachine })
}

describe('configuration', () => {
  it('an empty file is right, and its defaults can all be read', () => {
    const { config, problems } = read('')
    assert.deepEqual(problems, [])
    assert.deepEqual(config.warnings, [])
    const { values } = config
    assert.equal(values.myhostname, 'mail.example.org')
    assert.equal(values.mydomain, 'example.org')
    assert.equal(values.myorigin, 'mail.example.org')
    assert.deepEqual(values.mydestination, ['mail.example.org', 'localhost.example.org', 'localhost'])
    assert.deepEqual(values.mynetworks, ['127.0.0.0/8', '192.0.2.7/32', '[::1]/128', '[2001:db8:1::7]/128'])
    assert.equal(values.data_directory, '/srv/mail')
    assert.equal(values.message_size_limit, 10_240_000)
    assert.equal(values.maximal_queue_lifetime, 5 * 86_400_000)
    assert.equal(values.smtpd_tls_auth_only, true)
    assert.equal(values.smtp_port, 1025)
    assert.equal(values.ssl_key, '')
    assert.deepEqual(values.alias_maps, [])
  })

  it('values in their types', () => {
    const rows: readonly [string, string, unknown][] = [
      ['message_size_limit', '40000000', 40_000_000],
      ['message_size_limit', '10M', 10 * 1024 * 1024],
      ['maximal_queue_lifetime', '2', 2 * 86_400_000],
      ['maximal_queue_lifetime', '36h', 36 * 3_600_000],
      ['delay_warning_time', '4', 4 * 3_600_000],
      ['smtpd_timeout', '90', 90_000],
      ['disable_plaintext_auth', 'NO', false],
      ['relay_domains', 'a.example b.example,c.example', ['a.example', 'b.example', 'c.example']],
      ['alias_maps', 'inline:{a=b, c=d}, hash:/x', ['inline:{a=b, c=d}', 'hash:/x']],
      ['ssl_cert', '</etc/ssl/x.pem', '/etc/ssl/x.pem'],
      ['ssl_cert', 'tls/x.pem', '/srv/mail/tls/x.pem'],
      [
        'mynetworks',
        '10.0.0.0/8, [::1]/128 !10.1.0.0/16 hash:/etc/x .example.org',
        ['10.0.0.0/8', '[::1]/128', '!10.1.0.0/16', 'hash:/etc/x', '.example.org'],
      ],
      ['imap_port', '0', 0],
      ['default_rbl_reply', '$rbl_code no', '$rbl_code no'],
      ['myorigin', '/etc/mailname', 'example.net'],
      ['relayhost', '[smtp.example.net]:587', '[smtp.example.net]:587'],
    ]
    for (const [name, text, expected] of rows) {
      const { config, problems } = read(`${name} = ${text}`)
      assert.deepEqual(problems, [], `${name} = ${text}`)
      assert.deepEqual(config.values[name as 'relayhost'], expected, `${name} = ${text}`)
    }
    assert.equal(read('myorigin = /etc/mailname').config.values.auth_default_realm, 'example.net')
  })

  it('faults name file, line and remedy', () => {
    const rows: readonly [string, string][] = [
      [
        '\ninet_interface = all',
        'main.cf:2: unknown parameter "inet_interface"; did you mean "inet_interfaces"?',
      ],
      ['relay_host = x', 'main.cf:1: unknown parameter "relay_host"; did you mean "relayhost"?'],
      ['mail_localtion = x', 'main.cf:1: unknown parameter "mail_localtion"; did you mean "mail_location"?'],
      ['qqqqq = x', 'main.cf:1: unknown parameter "qqqqq"'],
      [
        'message_size_limit = big',
        'main.cf:1: message_size_limit = big: not a number of octets (10240000, 500k, 10M, 2G)',
      ],
      ['biff = maybe', 'main.cf:1: biff = maybe: neither yes nor no'],
      ['smtpd_timeout = 5x', 'main.cf:1: smtpd_timeout = 5x: not a time (30s, 5m, 1h, 2d, 1w)'],
      ['imap_port = 70000', 'main.cf:1: imap_port = 70000: more than 65535'],
      ['workers = 0', 'main.cf:1: workers = 0: less than 1'],
      ['ssl = maybe', 'main.cf:1: ssl = maybe: not one of yes, no, required'],
      [
        'mynetworks = 192.168.1.1/24',
        'main.cf:1: mynetworks = 192.168.1.1/24: non-null host address bits in "192.168.1.1/24", perhaps you should use "192.168.1.0/24" instead',
      ],
      [
        'mynetworks = 10.0.0.0/33',
        'main.cf:1: mynetworks = 10.0.0.0/33: bad net/mask pattern: "10.0.0.0/33"',
      ],
      [
        'smtpd_banner = $smtpd_banner x',
        'main.cf:1: smtpd_banner = $smtpd_banner x: parameters name each other in a circle',
      ],
      [
        'smtpd_restriction_classes = staff',
        'main.cf:1: smtpd_restriction_classes: "staff" is not defined: add `staff = …`',
      ],
      ['\nsmtp_port = 1143', 'main.cf:2: imap_port and smtp_port are both 1143'],
      ['myhostname = bad host', 'main.cf:1: bad string parameter value: myhostname = bad host'],
      [
        'smtpd_sasl_security_options = noanonymous noplaintex',
        'main.cf:1: smtpd_sasl_security_options: unknown SASL security options value "noplaintex"; did you mean "noplaintext"?',
      ],
      [
        'relayhost = [a',
        'main.cf:1: relayhost = [a: bad next hop: [a (host, host:port, [host], [host]:port)',
      ],
      [
        'smtp_fallback_relay = b.example, [c]:99999',
        'main.cf:1: smtp_fallback_relay = b.example [c]:99999: bad next hop: [c]:99999 (host, host:port, [host], [host]:port)',
      ],
      ['myhostname =', 'main.cf:1: bad string parameter value: myhostname = '],
      ['protocols = imap pop4', 'main.cf:1: protocols: Unknown protocol: pop4; did you mean "pop3"?'],
      ['protocols = imap qqqqq', 'main.cf:1: protocols: Unknown protocol: qqqqq; one of imap, pop3, lmtp'],
      [
        'smtpd_tls_protocols = SSLv9',
        'main.cf:1: smtpd_tls_protocols: "SSLv9" is no TLS version: tlsv1 tlsv1.1 tlsv1.2 tlsv1.3; write for instance >=TLSv1.2',
      ],
      ['myorigin = /nosuch', 'main.cf:1: myorigin = /nosuch: /nosuch cannot be read, or is empty'],
    ]
    for (const [text, expected] of rows)
      assert.ok(read(text).problems.includes(expected), `${text}\n${read(text).problems.join('\n')}`)
  })

  it('protocols of older Dovecots are understood', () => {
    const { config, problems } = read('protocols = imaps pop3s sieve\nssl = yes')
    assert.deepEqual(problems, [])
    assert.deepEqual(
      config.services.reading.map(({ kind }) => kind),
      ['imap', 'imaps', 'pop3', 'pop3s'],
    )
    assert.deepEqual(config.warnings, [
      "protocols: 'imaps' protocol is no longer necessary, remove it",
      "protocols: 'pop3s' protocol is no longer necessary, remove it",
      'protocols: sieve is not served here',
    ])
  })

  it('the remedy names the files that are wrong', () => {
    const remedy = (problems: readonly string[]) => new ConfigError(problems, '/etc/p/main.cf').remedy
    assert.match(remedy(['main.cf:1: x']), /^mend \/etc\/p\/main\.cf \(/)
    assert.match(remedy(['master.cf:1: x']), /^mend \/etc\/p\/master\.cf \(/)
    assert.match(remedy(['POSTHORN_X: y', 'master.cf:1: x']), /main\.cf and \/etc\/p\/master\.cf/)
  })

  it('an open relay is not started', () => {
    const text = 'smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit_mynetworks'
    assert.match(
      read(text).problems[0] ?? '',
      /specify at least one working instance of: reject_unauth_destination/,
    )
    assert.deepEqual(read(`${text}, reject`).problems, [])
  })

  it('a proxy that nobody named is not started: its clients would be served as the proxy', () => {
    for (const name of ['smtpd_upstream_proxy_protocol', 'postscreen_upstream_proxy_protocol']) {
      const text = `${name} = haproxy`
      assert.match(read(text).problems[0] ?? '', /name the proxies: haproxy_trusted_networks = /)
      assert.deepEqual(read(`${text}\nhaproxy_trusted_networks = 192.0.2.1`).problems, [])
    }
  })

  it('Postfix: postconf(1), a name without a value in a line of main.cf is said', () => {
    const { config, problems } = read(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: main.cf's own syntax
      'relayhost = $mydomian\nsmtpd_banner = $$x ${nosuch?y} ${relayhost}\nmail_name = ${mydomain:$nosuch}\n' +
        // biome-ignore lint/suspicious/noTemplateCurlyInString: main.cf's own syntax
        'default_rbl_reply = $rbl_nosuch\nown = $nosuch\nmyorigin = ${own:$mydomain}\n',
    )
    assert.deepEqual(problems, [])
    assert.deepEqual(config.warnings, [
      'main.cf:1: undefined parameter: mydomian',
      'main.cf:5: undefined parameter: nosuch',
    ])
  })

  it('a circle through a computed default ends', () => {
    assert.match(read('myhostname = host.$mydomain').problems[0] ?? '', /circle/)
    assert.equal(
      read('myhostname = host.$mydomain\nmydomain = example.net').config.values.myhostname,
      'host.example.net',
    )
  })

  it('real parameters without use here are warned of, ours-without-effect too, and users may have their own', () => {
    const { config, problems } = read(
      'virtual_mailbox_base = /x\nhome_mailbox = Maildir/\nmy_net = 10.0.0.0/8\nmynetworks = $my_net\nslow_destination_rate_delay = 1s\nsmtpd_restriction_classes = staff\nstaff = reject',
    )
    assert.deepEqual(problems, [])
    assert.deepEqual(config.warnings, [
      'main.cf:1: virtual_mailbox_base: known to Postfix, not used by Posthorn: mail for accounts is kept in the store',
      'main.cf:2: home_mailbox has no effect: Mail is kept in the store, whole and at once; `posthorn export` writes a Maildir.',
      'main.cf:5: slow_destination_rate_delay: known to Postfix, not used by Posthorn: default_destination_concurrency_limit and default_destination_rate_delay hold for this transport',
    ])
    assert.deepEqual(config.values.mynetworks, ['10.0.0.0/8'])
    assert.deepEqual(config.restrictionClasses.get('staff'), ['reject'])
  })

  it('the last line of a name wins, and says so', () => {
    const { config } = read('relayhost = a\nrelayhost = b')
    assert.equal(config.values.relayhost, 'b')
    assert.deepEqual(config.warnings, ['main.cf:2: overriding earlier entry: relayhost=a'])
  })

  it('POSTHORN_<NAME> overrides main.cf', () => {
    const environment = {
      POSTHORN_MYHOSTNAME: 'mx.example.com',
      POSTHORN_RELAYHOST: '',
      POSTHORN_MYDESTINATION: ' ',
      POSTHORN_SMTP_TLS_CAFILE: '/ca.pem',
      POSTHORN_CONFIG: '/x',
      POSTHORN_SERVICE_HOST: '10.0.0.1',
      POSTHORN_PORT_25_TCP: 'tcp://10.0.0.1:25',
      PATH: '/bin',
    }
    const { config, problems } = read('relayhost = x\nmyhostname = y.example', environment)
    assert.deepEqual(problems, [])
    assert.equal(config.values.myhostname, 'mx.example.com')
    assert.equal(config.values.relayhost, 'x')
    assert.deepEqual(config.values.mydestination, [])
    assert.equal(config.values.smtp_tls_CAfile, '/ca.pem')
    const { problems: wrong } = read('', { POSTHORN_MYHOSTNAM: 'x', POSTHORN_WORKERS: 'two' })
    assert.deepEqual(wrong, [
      'POSTHORN_MYHOSTNAM: unknown parameter "myhostnam"; did you mean "myhostname"?',
      'POSTHORN_WORKERS: workers = two: not a number',
    ])
  })

  it('a reload tells what changed and what needs a restart', () => {
    const before = read('relayhost = a\nsmtpd_restriction_classes = c\nc = reject').config
    const after = read('relayhost = b\nimap_port = 143\nsmtpd_restriction_classes = c\nc = permit').config
    assert.deepEqual(compareConfigs(before, after), {
      changed: ['imap_port', 'address_verify_relayhost', 'relayhost', 'c'],
      needRestart: ['imap_port'],
    })
    assert.deepEqual(compareConfigs(before, before), { changed: [], needRestart: [] })
  })

  it('main.cf is looked for where docs/config.md says', () => {
    const there =
      (...files: string[]) =>
      (file: string) =>
        files.includes(file)
    assert.equal(locateMainCf('/x/y.cf', {}, there()).file, '/x/y.cf')
    assert.equal(locateMainCf('/x', {}, there()).file, '/x/main.cf')
    assert.equal(locateMainCf(undefined, { POSTHORN_CONFIG: '/z' }, there()).file, '/z/main.cf')
    assert.equal(locateMainCf(undefined, {}, there('/etc/posthorn/main.cf')).file, '/etc/posthorn/main.cf')
    assert.equal(locateMainCf(undefined, { POSTHORN_DATA_DIRECTORY: '/data' }, there()).file, '/data/main.cf')
    assert.equal(locateMainCf(undefined, {}, there()).named, false)
  })
})

it('import_environment: what tables and commands see of the environment', () => {
  const given = { TZ: 'UTC', SECRET: 'x', SITE: 'north', POSTHORN_MYHOSTNAME: 'mx.example.org' }
  assert.deepEqual(read('', given).config.environment, { TZ: 'UTC', LANG: 'C' })
  const { config } = read('import_environment = SITE, KIND=relay, ABSENT', given)
  assert.deepEqual(config.environment, { SITE: 'north', KIND: 'relay' })
  assert.equal(config.values.myhostname, 'mx.example.org')
})

it('postscreen_dnsbl_ttl = 1h: the older name, with a unit of its own', () => {
  for (const [line, hours] of [
    ['postscreen_dnsbl_ttl = 2h', 2],
    ['postscreen_dnsbl_ttl = 3', 3],
    ['', 1],
  ] as const) {
    const { config, problems } = read(line)
    assert.deepEqual(problems, [])
    assert.equal(config.values.postscreen_dnsbl_max_ttl, hours * 3_600_000)
  }
})
