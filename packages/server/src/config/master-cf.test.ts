import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compareConfigs } from './config.ts'
import { editMasterCf } from './edit-master-cf.ts'
import { buildConfig } from './load-config.ts'
import { testMachine } from './machine-fixture.ts'
import { formatService, parseMasterCf, parseService } from './master-cf.ts'

const place = { file: '/srv/mail/main.cf', folder: '/srv/mail', named: false }
const read = (mainCf: string, masterCf: string | undefined) =>
  buildConfig(place, { mainCf, masterCf }, { environment: {}, machine: testMachine })

const guide = `# comment
smtp      inet  n       -       y       -       -       smtpd
submission inet n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission
# between
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=$mua_client_restrictions
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
smtps     inet  n       -       y       -       -       smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
127.0.0.1:10025 inet n - n - 5 smtpd -o { smtpd_banner = a b }
pickup    unix  n       -       y       60      1       pickup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       y       1000?   1       tlsmgr
maildrop  unix  -       n       n       -       -       pipe
  flags=DRXhu user=vmail argv=/usr/bin/maildrop -d \${recipient} -o x=y
slow      unix  -       -       n       -       3       smtp -o syslog_name=postfix-slow
postlog   unix-dgram n  -       n       -       1       postlogd
`

describe('Postfix: master(5)', () => {
  it('columns, continuation lines, comments between, options, arguments of pipe', () => {
    const { services, problems } = parseMasterCf(guide)
    assert.deepEqual(problems, [])
    const submission = services[1]
    assert.equal(submission?.line, 3)
    assert.deepEqual(submission?.options[1], { name: 'smtpd_tls_security_level', value: 'encrypt' })
    assert.deepEqual(services[3]?.options, [{ name: 'smtpd_banner', value: 'a b' }])
    const pipe = services.find(({ program }) => program === 'pipe')
    assert.deepEqual(pipe?.options, [], 'what follows argv= is the command')
    assert.deepEqual(pipe?.args.slice(0, 4), ['flags=DRXhu', 'user=vmail', 'argv=/usr/bin/maildrop', '-d'])
  })

  it('faults name their line', () => {
    const rows: readonly (readonly [string, RegExp])[] = [
      ['smtp inet n - y', /1: bad field count/],
      ['smtp tcp n - y - - smtpd', /1: invalid transport type: tcp/],
      ['smtp inet x - y - - smtpd', /1: invalid "private" field/],
      ['smtp inet n - y never - smtpd', /1: invalid "wakeup" field/],
      ['smtp inet n - y - some smtpd', /1: invalid "process limit" field/],
      ['smtp inet n - y - - smtpd -o foo', /1: -o foo: expected name=value/],
      ['smtp inet n - y - - smtpd -o', /1: -o requires/],
      ['smtp inet n - y - - smtpd -o { a = b', /1: missing '}'/],
      ['smtp inet n - y - - smtpd\nsmtp inet n - y - - smtpd', /2: service smtp\/inet is there twice/],
    ]
    for (const [text, expected] of rows) {
      const { problems } = parseMasterCf(text)
      assert.match(problems.map(({ line, message }) => `${line}: ${message}`).join('\n'), expected, text)
    }
  })

  it('what is written can be read again', () => {
    for (const entry of parseMasterCf(guide).services)
      for (const shape of ['line', 'folded'] as const) {
        const again = parseService(formatService(entry, shape), entry.line)
        assert.deepEqual(again, entry)
      }
  })

  it('edits change what they name and nothing else', () => {
    const key = 'submission/inet'
    const text = editMasterCf(guide, [
      { kind: 'option', key: 'smtp/inet', name: 'smtpd_banner', value: 'hello' },
      { kind: 'removeOption', key, name: 'smtpd_client_restrictions' },
      { kind: 'field', key: 'slow/unix', field: 'process_limit', value: '9' },
      { kind: 'remove', key: 'postlog/unix-dgram' },
      { kind: 'comment', key: 'smtps/inet' },
      { kind: 'set', key: 'new/inet', text: 'new inet n - n - - smtpd -o a=b' },
    ])
    const { services } = parseMasterCf(text)
    const of = (name: string) => services.find(({ fields }) => fields.service === name)
    assert.deepEqual(of('smtp')?.options, [{ name: 'smtpd_banner', value: 'hello' }])
    assert.ok(!JSON.stringify(of('submission')).includes('mua_client'))
    assert.equal(of('slow')?.fields.process_limit, '9')
    assert.equal(of('postlog'), undefined)
    assert.equal(of('smtps'), undefined)
    assert.match(text, /^#smtps {5}inet.*\n# {2}-o smtpd_tls_wrappermode/m)
    assert.deepEqual(of('new')?.options, [{ name: 'a', value: 'b' }])
    assert.ok(text.startsWith('# comment\n'))
    assert.deepEqual(of('pickup'), { ...parseMasterCf(guide).services[4], line: of('pickup')?.line })
    assert.throws(
      () => editMasterCf(guide, [{ kind: 'option', key: 'no/inet', name: 'a', value: 'b' }]),
      /unmatched/,
    )
  })
})

describe('services of a configuration', () => {
  it('master.cf decides about SMTP; ports that are set in main.cf move or add', () => {
    const { config, problems } = read('mua_client_restrictions = permit', guide)
    assert.deepEqual(problems, [])
    const listeners = config.services.smtp.map(({ key, kind, port, host }) => [key, kind, port, host])
    assert.deepEqual(listeners, [
      ['smtp/inet', 'mx', 25, undefined],
      ['submission/inet', 'submission', 587, undefined],
      ['smtps/inet', 'submissions', 465, undefined],
      ['127.0.0.1:10025/inet', 'mx', 10_025, '127.0.0.1'],
    ])
    const moved = read('smtp_port = 2525\nsubmission_port = 0', guide).config.services.smtp
    assert.deepEqual(
      moved.map(({ key, port }) => [key, port]),
      [
        ['smtp/inet', 2525],
        ['smtps/inet', 465],
        ['127.0.0.1:10025/inet', 10_025],
      ],
    )
    const alone = read('submission_port = 2587', 'smtp inet n - y - - smtpd\n').config.services.smtp
    assert.deepEqual(
      alone.map(({ key }) => key),
      ['smtp/inet', 'submission_port'],
    )
    assert.deepEqual(
      config.services.transports.map(({ name, program, processLimit }) => [name, program, processLimit]),
      [
        ['maildrop', 'pipe', undefined],
        ['slow', 'smtp', 3],
      ],
    )
  })

  it('the options of a service come before main.cf; what is wrong with them names line and service', () => {
    const { config } = read('smtpd_banner = all\nmua_client_restrictions = reject', guide)
    const own = (key: string) => {
      const service = config.services.smtp.find((one) => one.key === key)
      return config.withOptions(service?.entry?.options ?? []).values
    }
    assert.equal(own('127.0.0.1:10025/inet').smtpd_banner, 'a b')
    assert.equal(own('smtp/inet').smtpd_banner, 'all')
    assert.deepEqual(own('submission/inet').smtpd_client_restrictions, ['reject'])
    const { problems } = read('', 'smtp inet n - y - - smtpd -o smtpd_tls_security_level=foo\n')
    assert.match(
      problems.join('\n'),
      /^master\.cf:1: smtp\/inet: -o: smtpd_tls_security_level = foo: not one of/,
    )
    const typo = read('', 'smtp inet n - y - - smtpd -o smtpd_baner=x\nx inet n - y - - smptd')
    assert.match(
      typo.config.warnings.join('\n'),
      /master\.cf:1: smtp\/inet: unused.*did you mean "smtpd_banner"/,
    )
    assert.match(typo.problems.join('\n'), /master\.cf:2: x\/inet: unknown port name "x"/)
    const program = read('', '26 inet n - y - - smptd').config.warnings
    assert.match(program.join('\n'), /the program "smptd" is not available; did you mean "smtpd"\?/)
  })

  it('a new listener needs a restart, a new option does not', () => {
    const before = read('', guide).config
    const option = read('', guide.replace('smtpd_sasl_auth_enable=yes', 'smtpd_sasl_auth_enable=no')).config
    assert.deepEqual(compareConfigs(before, option), { changed: ['master.cf'], needRestart: [] })
    const listener = read('', `${guide}2526 inet n - n - - smtpd\n`).config
    assert.deepEqual(compareConfigs(before, listener).needRestart, ['master.cf'])
  })

  it('readers listen where Dovecot-like lines say', () => {
    const text = '127.0.0.1:imaps inet n - n - - imap-login\n1110 inet n - n - - pop3-login\n'
    const { reading } = read('', text).config.services
    assert.deepEqual(
      reading.map(({ key, kind, port, host }) => [key, kind, port, host]),
      [
        ['127.0.0.1:imaps/inet', 'imaps', 993, '127.0.0.1'],
        ['1110/inet', 'pop3', 1110, undefined],
        ['imap_port', 'imap', 1143, undefined],
        ['pop3s_port', 'pop3s', 1995, undefined],
      ],
    )
  })
})

it('an option under an older name that a default refers to is used: fallback_relay', () => {
  const line = (value: string) => `relay unix - - n - - smtp -o ${value}=\n`
  assert.deepEqual(read('', line('fallback_relay')).config.warnings, [])
  assert.match(read('', line('fallbak_relay')).config.warnings.join('\n'), /unused parameter/)
})
