import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { runCli } from '../../cli.ts'
import { parameters } from '../../config/schema/schema.ts'
import { createShellFixture } from '../shell-fixture.ts'

const realPostconf = ['/usr/sbin/postconf', '/sbin/postconf'].find((file) => existsSync(file))

const mainCf = `# a comment
myhostname = mail.example.org
mydestination = $myhostname,
# inner comment
    localhost.$mydomain,

\tlocalhost
myorigin=$mydomain
foo = bar
smtpd_restriction_classes = cls
cls = reject
smtpd_helo_restrictions = cls $foo
mynetworks = 127.0.0.0/8   10.0.0.0/8
relayhost = [smtp.example.net]:587
message_size_limit = \${foo?{1000}:{2000}}
always_bcc =
`

const root = mkdtempSync(join(tmpdir(), 'posthorn-postconf-'))
after(() => rmSync(root, { recursive: true }))
let count = 0

function folder(text = mainCf): string {
  const path = join(root, String(count++))
  mkdirSync(path)
  writeFileSync(join(path, 'main.cf'), text)
  writeFileSync(join(path, 'master.cf'), '')
  // The real one waits until a file is a second old.
  utimesSync(join(path, 'main.cf'), 1e9, 1e9)
  return path
}

async function ours(path: string, ...args: readonly string[]) {
  const shell = createShellFixture()
  const code = await runCli('postconf', ['-c', path, ...args], shell, async () => 0)
  return { code, out: shell.output(), err: shell.errors() }
}

function theirs(path: string, ...args: readonly string[]) {
  const { status, stdout } = spawnSync(realPostconf ?? '', ['-c', path, ...args], { encoding: 'utf8' })
  // It counts its own -c as a setting.
  return { code: status, out: stdout.replace(/^config_directory.*\n/m, '').replace(`${path}\n`, '') }
}

describe('Postfix: postconf(1), beside the real one', { skip: realPostconf === undefined }, () => {
  const questions = [
    ['-n'],
    ['-nx'],
    ['-nh'],
    ['-nH'],
    ['-x', 'mydestination', 'myorigin'],
    ['mydestination', 'relayhost', 'always_bcc'],
    ['-h', 'mydestination', 'relayhost'],
    ['-H', 'mydestination'],
    ['nosuch'],
    ['-d', 'mydestination', 'relayhost', 'myorigin', 'maximal_queue_lifetime', 'smtpd_soft_error_limit'],
    ['-p', 'mydestination'],
    ['-o', 'relayhost=x', 'relayhost'],
    ['-o', 'bad', 'relayhost'],
    ['-T', 'nosuch'],
    ['-C', 'nosuch'],
    ['-h', '-H', 'relayhost'],
    ['-m', '-a'],
    ['-e', '-n', 'a=b'],
    ['-d', '-n'],
    ['-fh', 'relayhost'],
    ['-xh', 'mydestination'],
    ['-z'],
  ]
  for (const args of questions) {
    it(args.join(' '), async () => {
      const path = folder()
      const { code, out } = await ours(path, ...args)
      assert.deepEqual({ code, out }, theirs(path, ...args))
    })
  }

  const edits = [
    ['-e', 'mydestination = a, b'],
    ['-e', 'biff=no'],
    ['relayhost=x'],
    ['-e', 'relayhost='],
    ['-X', 'foo', 'relayhost'],
    ['-#', 'mydestination'],
    ['-X', 'nosuch'],
  ]
  for (const args of edits) {
    it(`${args.join(' ')} leaves the same file`, async () => {
      const [a, b] = [folder(), folder()]
      assert.equal((await ours(a, ...args)).code, theirs(b, ...args).code)
      const tidy = (path: string) => readFileSync(join(path, 'main.cf'), 'utf8').replace(/ +$/gm, '')
      assert.equal(tidy(a), tidy(b))
    })
  }

  const servicesFile = `# services
smtp      inet  n       -       n       -       -       smtpd
submission inet n       -       n       -       -       smtpd
  -o syslog_name=postfix/$service_name
# a remark between
  -o { smtpd_recipient_restrictions = permit_sasl_authenticated, reject }
smtp      unix  -       -       n       -       -       smtp
maildrop  unix  -       n       n       -       -       pipe
  flags=DRXhu user=vmail argv=/usr/bin/maildrop -d \${recipient}
`
  const aboutServices = [
    ['-M'],
    ['-Mf'],
    ['-M', 'smtp'],
    ['-M', 'smtp/inet'],
    ['-M', 'nosuch'],
    ...['-M', '-F', '-P', '-MX', '-FX', '-PX', '-Me', '-Fe', '-Pe', '-M#'].flatMap((flag) =>
      ['smtp/inet/chroot/n', 'nosuch', 'nosuch/inet', 'smtp=n', 'smtp/inet/=n'].map((what) => [flag, what]),
    ),
    ['-M', '-n'],
    ['-F'],
    ['-F', '*/*/chroot'],
    ['-Fh', 'submission/inet/chroot'],
    ['-P'],
    ['-P', '*/*/syslog_name'],
    ['-Ph', 'submission/inet/syslog_name'],
    ['-F', '*/*/chroot = y'],
    ['-F', 'smtp/*/process_limit = 5'],
    ['-F', 'smtp/inet/nosuch = y'],
    ['-P', 'submission/inet/syslog_name=other'],
    ['-P', '*/inet/content_filter=scan'],
    ['-P', 'nosuch/inet/x=y'],
    ['-PX', 'submission/inet/syslog_name'],
    ['-M#', 'smtp/inet'],
    ['-MX', 'smtp/*'],
    ['-Me', '465/inet = 465 inet n - y - - smtpd -o { a = b c }'],
    ['-Px'],
    ['-F', 'smtp/inet/nosuch'],
    ['-MX', 'submission/inet'],
    ['-PX', 'submission/inet'],
    ['-FX', 'smtp/inet/chroot'],
    ['-Mh'],
    ['-MH'],
    ['-MP'],
    ['-FMP'],
    ['-d', '-n'],
    ['-e', '#a = b'],
    ['-t'],
    ['-T', 'nosuch'],
  ]
  for (const args of aboutServices) {
    it(`${args.join(' ')} of a master.cf`, async () => {
      const [a, b] = [folder(), folder()]
      for (const path of [a, b]) {
        writeFileSync(join(path, 'master.cf'), servicesFile)
        utimesSync(join(path, 'master.cf'), 1e9, 1e9)
      }
      const { code, out } = await ours(a, ...args)
      assert.deepEqual({ code, out }, theirs(b, ...args))
      const text = (path: string) => readFileSync(join(path, 'master.cf'), 'utf8').split('\n')
      const columns = (path: string) => text(path).map((line) => line.replace(/(?<=\S) +/g, ' '))
      assert.deepEqual(columns(a), columns(b))
    })
  }

  for (const args of [
    ['-MX'],
    ['-M#'],
    ['-PX'],
    ['-Me'],
    ['-Pe'],
    ['-X'],
    ['-#'],
    ['-e'],
    ['-MX', 'slow/unix'],
  ])
    it(`${args.join(' ')} says the same`, async () => {
      const path = folder()
      writeFileSync(join(path, 'master.cf'), '#slow unix - - n - 1 smtp\n')
      const { stderr } = spawnSync(realPostconf ?? '', ['-c', path, ...args], { encoding: 'utf8' })
      assert.equal((await ours(path, ...args)).err, stderr.replace(/^\S+\/postconf:/, 'postconf:'))
    })

  it("defaults that are the same as Postfix's are written the same", async () => {
    const text = execFileSync(realPostconf ?? '', ['-d'], { encoding: 'utf8' })
    const real = new Map(
      [...text.matchAll(/^(\S+) = ?(.*)$/gm)].map((match) => [match[1] ?? '', match[2] ?? '']),
    )
    const { out } = await ours(folder(''), '-d')
    const different: string[] = []
    for (const line of out.split('\n')) {
      const [, name = '', value] = /^(\S+) = ?(.*)$/.exec(line) ?? []
      const parameter = parameters.get(name)
      if (parameter?.origin !== 'postfix' || parameter.computed || !real.has(name)) continue
      const documented = parameter.doc.includes('Default of Postfix') || parameter.instead !== undefined
      if (!documented && real.get(name) !== value) different.push(`${line} (${real.get(name)})`)
    }
    assert.deepEqual(
      different.filter((line) => !knownDifferences.has(line.split(' =')[0] ?? '')),
      [],
    )
  })
})

it('Postfix: postconf -C, -b, -t', async () => {
  const path = folder(
    'own = x\nmyorigin = $own\nbounce_template_file = bounce.cf\nmyhostname = m.example.org\n',
  )
  assert.equal((await ours(path, '-C', 'user')).out, 'own = x\n')
  assert.ok(!(await ours(path, '-C', 'builtin')).out.includes('\nown = '))
  assert.match((await ours(path, '-C', 'nosuch')).err, /unknown -C option value "nosuch"/)
  const template = 'failure_template = <<EOF\nSubject: back\n\nThis is $myhostname.\nEOF\n'
  writeFileSync(join(path, 'bounce.cf'), template)
  assert.equal((await ours(path, '-t')).out, template)
  assert.equal((await ours(path, '-b')).out, 'expanded_failure_text = <<EOF\nThis is m.example.org.\nEOF\n\n')
  assert.match(
    (await ours(folder(''), '-b')).out,
    /^expanded_failure_text = <<EOF\nThis is the mail system at host \S+\.\n/,
  )
})

it('Postfix: postconf -b, -t: a missing file, and what cannot stand beside them', async () => {
  const path = folder('')
  const said = [
    [['-t', '/nosuch/x'], 'postfix/bounce: fatal: open /nosuch/x: No such file or directory\n'],
    [['-b', '/nosuch/x'], 'postfix/bounce: fatal: open /nosuch/x: No such file or directory\n'],
    [['-d', '-t'], 'postconf: fatal: with option -t, do not specify -d\n'],
    [['-d', '-b'], 'postconf: fatal: with option -b, do not specify -d\n'],
    [['-tn'], 'postconf: fatal: with option -t, do not specify -n\n'],
    [['-t', '-M'], 'postconf: fatal: specify one of -M -t\n'],
    [['-t', 'a', 'b'], 'postconf: fatal: options -b and -t require at most one template file\n'],
  ] as const
  for (const [args, err] of said) assert.deepEqual(await ours(path, ...args), { code: 1, out: '', err })
})

/** Ours on purpose: our own name and version, newer releases' safer choices, compatibility levels and stress resolved. */
const knownDifferences = new Set(
  `alias_database append_dot_mydomain compatibility_level mail_name mail_version mynetworks_style relay_domains
  smtpd_client_event_limit_exceptions smtpd_forbid_bare_newline smtpd_forbid_unauth_pipelining
  smtpd_forbidden_commands smtpd_hard_error_limit smtpd_junk_command_limit smtpd_relay_before_recipient_restrictions
  smtpd_sasl_mechanism_filter
  smtpd_timeout smtpd_tls_mandatory_protocols smtpd_tls_protocols smtpd_tls_received_header syslog_name
  virtual_alias_maps`.split(/\s+/),
)

describe('postconf', () => {
  it('wrong use', async () => {
    for (const args of [
      ['-q'],
      ['-e'],
      ['-X'],
      ['-e', 'x'],
      ['-e', 'a b = c'],
      ['-e', '= x'],
      ['-e', 'a=b\nc=d'],
    ]) {
      const { code, err } = await ours(folder(), ...args)
      assert.equal(code, 1, args.join(' '))
      assert.match(err, /^postconf: fatal: /m, args.join(' '))
    }
  })

  it('warns of what it writes when that is no parameter, and keeps the file before', async () => {
    const path = folder()
    const { code, err } = await ours(path, '-e', 'inet_interface=all')
    assert.equal(code, 0)
    assert.match(err, /unknown parameter "inet_interface"; did you mean "inet_interfaces"\?/)
    assert.equal(readFileSync(join(path, 'main.cf.bak'), 'utf8'), mainCf)
    const wrong = await ours(path, '-e', 'message_size_limit=big')
    assert.match(wrong.err, /main\.cf:15: message_size_limit = big: not a number of octets/)
  })

  it('-o overrides for one call', async () => {
    assert.equal((await ours(folder(), '-o', 'relayhost=y', 'relayhost')).out, 'relayhost = y\n')
  })
})

it('names that nothing uses are unknown; limits of transports are a class of their own, as at the real one', async () => {
  const path = folder(`${mainCf}mine = 12\nchain = $mine\nslow_destination_rate_delay = 1s\n`)
  writeFileSync(
    join(path, 'master.cf'),
    `slow unix - - n - 1 smtp
dovecot unix - n n - - pipe flags=DRhu user=daemon argv=/bin/cat
policy unix - n n - 0 spawn user=nobody argv=/bin/cat
`,
  )
  utimesSync(join(path, 'master.cf'), 1e9, 1e9)
  const questions = [
    ['mine', 'chain', 'foo', 'cls'],
    ['-C', 'user'],
    [
      'slow_destination_rate_delay',
      'slow_destination_concurrency_limit',
      'slow_transport_rate_delay',
      'policy_time_limit',
    ],
    ['-d', 'slow_destination_rate_delay', 'dovecot_initial_destination_concurrency'],
    ['-x', 'dovecot_destination_recipient_limit', 'dovecot_time_limit'],
    ['-n'],
  ]
  for (const question of questions) {
    const { code, out } = await ours(path, ...question)
    if (realPostconf !== undefined)
      assert.deepEqual({ code, out }, theirs(path, ...question), question.join(' '))
  }
  const unknown = await ours(path, 'chain')
  assert.equal(unknown.out, '')
  assert.match(unknown.err, /^postconf: warning: chain: unknown parameter$/m)
  const listed = (await ours(path, '-C', 'service')).out
  assert.match(listed, /^slow_destination_rate_delay = 1s$/m)
  assert.match(listed, /^policy_time_limit = \$command_time_limit$/m)
  assert.doesNotMatch(listed, /^policy_destination/m)
  if (realPostconf !== undefined) {
    const real = theirs(path, '-C', 'service').out
    for (const text of listed.trimEnd().split('\n'))
      if (/^(?:slow|dovecot|policy)_/.test(text)) assert.ok(real.includes(text), text)
  }
  assert.match((await ours(path)).out, /^slow_destination_rate_delay = 1s$/m)
})

it('older names that the default of a newer one refers to are shown, as at the real one', async () => {
  const path = folder(
    'postscreen_blacklist_action = drop\nsmtpd_per_record_deadline = no\nsmtp_per_record_deadline = yes\n',
  )
  const questions = [
    [
      'postscreen_blacklist_action',
      'fallback_relay',
      'postscreen_whitelist_interfaces',
      'home',
      'rbl_reason',
    ],
    ['-x', 'postscreen_denylist_action', 'smtpd_per_request_deadline', 'smtp_per_request_deadline'],
    ['smtp_per_request_deadline'],
  ]
  for (const question of questions) {
    const { code, out } = await ours(path, ...question)
    if (realPostconf !== undefined)
      assert.deepEqual({ code, out }, theirs(path, ...question), question.join(' '))
  }
  const { out, err } = await ours(path, '-n')
  assert.match(
    out,
    /^postscreen_blacklist_action = drop\nsmtp_per_record_deadline = yes\nsmtpd_per_record_deadline = no$/m,
  )
  assert.equal(err, '')
  assert.match((await ours(path, '-x', 'smtpd_per_request_deadline')).out, / = no$/m)
  const edited = await ours(path, '-e', 'fallback_relay = [b.example]')
  assert.deepEqual([edited.code, edited.err], [0, ''])
})

it('-x of parameters that name each other is a fatal error', async () => {
  const path = folder('relayhost = $a\na = $b\nb = $a\n')
  const { code, out, err } = await ours(path, '-x', 'relayhost')
  assert.deepEqual([code, out], [1, ''])
  assert.match(err, /^postconf: fatal: relayhost: parameters name each other in a circle\n/)
})
