import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildConfig } from './load-config.ts'
import { testMachine } from './machine-fixture.ts'

const place = { file: '/srv/mail/main.cf', folder: '/srv/mail', named: false }
const warningsOf = (lines: readonly string[]): readonly string[] =>
  buildConfig(place, `${lines.join('\n')}\n`, { environment: {}, machine: testMachine }).config.warnings

/** Lines of main.cf, and what is said of them. */
const wrong: readonly (readonly [readonly string[], RegExp])[] = [
  [
    ['mydestination = example.org, a.test', 'virtual_alias_domains = b.test, A.test'],
    /do not list domain A\.test in BOTH mydestination and virtual_alias_domains/,
  ],
  [
    [
      'mydestination = a.test',
      'virtual_mailbox_domains = a.test',
      'virtual_mailbox_maps = inline:{x@a.test=y}',
    ],
    /do not list domain a\.test in BOTH mydestination and virtual_mailbox_domains/,
  ],
  [
    ['mail_owner = posthorn', 'allow_mail_to_commands = alias'],
    /allow_mail_to_commands: a server that runs as posthorn \(mail_owner\) cannot become nobody: such mail waits; set default_privs = posthorn/,
  ],
  [
    ['mail_owner = posthorn', 'allow_mail_to_files = forward'],
    /allow_mail_to_files: .* cannot become nobody, and serves no \.forward as itself: such mail waits$/,
  ],
  [
    ['virtual_mailbox_domains = a.test', 'relay_domains = a.test'],
    /do not list domain a\.test in BOTH virtual_mailbox_domains and relay_domains/,
  ],
  [
    ['smtpd_client_restrictions = permit_mynetworks, permit, reject_rbl_client bl.test'],
    /smtpd_client_restrictions: restriction "reject_rbl_client" after "permit" is ignored/,
  ],
  [
    ['smtpd_recipient_restrictions = reject_unauth_destination, reject, permit'],
    /smtpd_recipient_restrictions: restriction "permit" after "reject" is ignored/,
  ],
  [
    [
      'smtpd_relay_restrictions =',
      'smtpd_recipient_restrictions = permit_mynetworks, check_sender_access inline:{a.test=OK}, reject_unauth_destination',
    ],
    /check_sender_access stands before reject_unauth_destination: whoever it lets through may relay/,
  ],
  [['mynetworks = 127.0.0.0/8, 0.0.0.0/0'], /mynetworks = 0\.0\.0\.0\/0: everybody may relay/],
  [['mynetworks = [::]/0'], /everybody may relay/],
  [['relayhost = [mail.example.org]'], /relayhost = \[mail\.example\.org\]: .*loops back to myself/],
  [['smtp_port = 25', 'relayhost = [127.0.0.1]:25'], /relayhost .*loops back to myself/],
  [['smtp_port = 25', 'relayhost = [a.test], localhost:25'], /relayhost .*: localhost is this server itself/],
  [['smtp_port = 25', 'relayhost = localhost'], /relayhost .*loops back to myself/],
  [['smtp_sasl_auth_enable = yes'], /specify a password table via the `smtp_sasl_password_maps'/],
  [['smtp_sasl_password_maps = inline:{a=b:c}'], /not used without smtp_sasl_auth_enable/],
  [
    ['mailbox_size_limit = 1000000'],
    /mailbox_size_limit \(1000000\) is smaller than message_size_limit \(10240000\)/,
  ],
  [['mailbox_size_limit = 50000000', 'message_size_limit = 0'], /is smaller than message_size_limit/],
  [['relay_recipient_maps = inline:{a@b.test=x}'], /relay_recipient_maps is not used/],
  [['luser_relay = admin@example.org'], /luser_relay = admin@example\.org gets nothing/],
  [['mua_client_restrictions = permit'], /unused parameter: mua_client_restrictions/],
  [['smtps_smtpd_tls_mandatory_protocols = x'], /unused parameter: smtps_smtpd_tls_mandatory_protocols/],
  [
    ['mailbox_size_limit = 15728640', 'message_size_limit = 15728640'],
    /mailbox_size_limit = 15728640 is all that an account may hold/,
  ],
  [
    ['home_directory = /srv/%h'],
    /home_directory = \/srv\/%h: %h stands for nothing: %u or %n is the local part/,
  ],
  [['home_directory = /srv/%Lu'], /: %Lu stands for nothing/],
  [['home_directory = /srv/%{user}/x'], /: %\{user\} stands for nothing/],
  [['home_directory = /srv/%1n/%n'], /: %1n stands for nothing/],
  [['home_directory = /srv/%'], /: % stands for nothing/],
]
for (const [lines, expected] of wrong)
  test(`C9: contradictory settings: ${lines.join('; ')}`, () => {
    assert.match(warningsOf(lines).join('\n'), expected)
  })

test('C9: nothing is said of settings that go together', () => {
  for (const lines of [
    [],
    ['home_directory = /srv/%d/%n/%u'],
    ['mydestination = a.test', 'virtual_alias_domains = b.test', 'relay_domains = c.test'],
    ['smtpd_client_restrictions = permit_mynetworks, warn_if_reject reject, reject_rbl_client bl.test'],
    [
      'smtpd_recipient_restrictions = permit_mynetworks, check_sender_access inline:{a.test=OK}, reject_unauth_destination',
    ],
    [
      'relayhost = [relay.example.net]:587',
      'smtp_sasl_auth_enable = yes',
      'smtp_sasl_password_maps = inline:{a=b:c}',
    ],
    // A filter or another program on this machine, and we on another port.
    ['relayhost = [127.0.0.1]:25'],
    ['relayhost = [127.0.0.1]:10025', 'smtp_port = 25'],
    ['mailbox_size_limit = 0'],
    ['luser_relay = admin@example.org', 'local_recipient_maps ='],
    ['mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128'],
  ])
    assert.deepEqual(warningsOf(lines), [], lines.join('; '))
})
