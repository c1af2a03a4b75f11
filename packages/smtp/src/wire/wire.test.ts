import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRemoteReply } from '../client/reply.ts'
import { decodeLine, isForeign, parseCommandLine } from './command-line.ts'
import { parseMailCommand, parseRcptCommand } from './envelope-command.ts'
import { formatReply } from './reply.ts'
import { decodeXtext, encodeXtext } from './xtext.ts'

const has = {
  dsn: true,
  requireTls: true,
  verp: true,
  smtpUtf8: true,
  syntax: 'lenient' as const,
  hyphens: 'refused' as const,
  numericDomains: 'refused' as const,
}

const mailRows: readonly (readonly [rfc: string, argument: string, expect: object | string])[] = [
  ['RFC 5321 §4.1.1.2', 'FROM:<a@b>', { address: 'a@b' }],
  ['RFC 5321 §4.1.1.2', 'from: <a@b>', { address: 'a@b' }],
  ['telnet', 'FROM:a@b', { address: 'a@b' }],
  ['telnet', 'from:<pkumar>', { address: 'pkumar' }],
  ['telnet', 'FROM:pkumar SIZE=5', { address: 'pkumar', sizeBytes: 5 }],
  ['RFC 5321 §4.5.5', 'FROM:<>', { address: '' }],
  ['RFC 5321 §4.1.2', 'FROM:<"a b"@c.d>', { address: '"a b"@c.d' }],
  ['RFC 5321 §4.1.2', 'FROM:<"a>b"@c.d> SIZE=1', { address: '"a>b"@c.d', sizeBytes: 1 }],
  ['RFC 5321 §4.1.2', 'FROM:<"ab"@c.d>', { address: 'ab@c.d' }],
  ['RFC 5321 §F.2', 'FROM:<@x.y,@z.w:a@b>', { address: 'a@b' }],
  ['RFC 5321 §4.1.3', 'FROM:<a@[192.0.2.1]>', { address: 'a@[192.0.2.1]' }],
  ['RFC 1870', 'FROM:<a@b> size=10', { address: 'a@b', sizeBytes: 10 }],
  ['RFC 6152', 'FROM:<a@b> BODY=8bitmime', { address: 'a@b', body: '8BITMIME' }],
  ['RFC 6531', 'FROM:<ä@b> SMTPUTF8', { address: 'ä@b', smtpUtf8: true }],
  ['RFC 3461 §4.4', 'FROM:<a@b> ENVID=a+2Bb RET=hdrs', { address: 'a@b', envid: 'a+b', ret: 'HDRS' }],
  ['RFC 4954 §5', 'FROM:<a@b> AUTH=<>', { address: 'a@b' }],
  ['RFC 4954 §5', 'FROM:<a@b> AUTH=e+3Dmc2@x.y', { address: 'a@b' }],
  ['RFC 8689', 'FROM:<a@b> REQUIRETLS', { address: 'a@b', requireTls: true }],
  ['VERP_README', 'FROM:<a@b> xverp', { address: 'a@b', verp: 'default' }],
  ['VERP_README', 'FROM:<a@b> XVERP=-=', { address: 'a@b', verp: { delimiters: '-=' } }],
  ['RFC 4954 §5', 'FROM:<a@b> AUTH=+', '501 5.5.4'],
  ['Postfix: allow_min_user', 'FROM:<-f@b>', '501 5.1.7'],
  ['Postfix: allow_min_user', 'FROM:<"-f"@b>', '501 5.1.7'],
  ['Postfix: allow_min_user', 'FROM:<a-@b>', { address: 'a-@b' }],
  ['RFC 3461 §4.3', 'FROM:<a@b> RET=FULL RET=HDRS', '501 5.5.4'],
  ['RFC 3461 §4.4', 'FROM:<a@b> ENVID=', '501 5.5.4'],
  ['RFC 3461 §4.4', 'FROM:<a@b> ENVID=a+0Db', '501 5.5.4'],
  ['RFC 3461 §4.4', `FROM:<a@b> ENVID=${'x'.repeat(101)}`, '501 5.5.4'],
  ['RFC 1870', 'FROM:<a@b> SIZE', '555 5.5.4'],
  ['RFC 1870', 'FROM:<a@b> SIZE=-1', '501 5.5.4'],
  ['RFC 6531', 'FROM:<a@b> SMTPUTF8=yes', '555 5.5.4'],
  ['RFC 5321 §4.1.1.2', 'FROM <a@b>', '501 5.5.4'],
  ['RFC 5321 §4.1.1.2', 'FROM:', '501 5.5.4'],
  ['RFC 5321 §4.1.2', 'FROM:<a@b', '501 5.1.7'],
  ['RFC 5321 §4.1.2', 'FROM:<a b@c>', '501 5.1.7'],
  ['RFC 5321 §4.1.2', 'FROM:<"a@b>', '501 5.1.7'],
  ['RFC 5321 §4.1.2', 'FROM:<a@b>x', '501 5.1.7'],
  ['RFC 5321 §4.1.2', 'FROM:<a@-b.test>', '501 5.1.7'],
  ['RFC 5321 §4.1.2', 'FROM:<a@b-.test>', '501 5.1.7'],
  ['RFC 5321 §4.1.2', 'FROM:<a@b.test->', '501 5.1.7'],
  ['RFC 5321 §4.1.3', 'FROM:<a@192.0.2.1>', '501 5.1.7'],
  ['RFC 5321 §4.1.2', 'FROM:<a\x01@b>', '501 5.1.7'],
]
for (const [rfc, argument, expect] of mailRows) {
  test(`MAIL, ${rfc}: ${argument.slice(0, 60)}`, () => {
    const parsed = parseMailCommand(argument, has)
    if (typeof expect === 'string') {
      assert.ok(!parsed.ok)
      assert.equal(`${parsed.reply.code} ${parsed.reply.status}`, expect)
    } else {
      assert.ok(parsed.ok)
      const usual = {
        sizeBytes: undefined,
        body: undefined,
        smtpUtf8: false,
        requireTls: false,
        verp: undefined,
        ret: undefined,
        envid: undefined,
      }
      assert.deepEqual(parsed.value, { ...usual, ...expect })
    }
  })
}

const rcptRows: readonly (readonly [rfc: string, argument: string, expect: object | string])[] = [
  ['RFC 5321 §4.1.1.3', 'TO:<a@b>', { address: 'a@b' }],
  ['RFC 5321 §4.1.1.3', 'to: postmaster', { address: 'postmaster' }],
  ['RFC 3461 §4.1', 'TO:<a@b> notify=success,Failure', { address: 'a@b', notify: ['SUCCESS', 'FAILURE'] }],
  ['Postfix: allow_min_user', 'TO:<-oQ/tmp/x@b>', '501 5.1.3'],
  ['RFC 3461 §4.1', 'TO:<a@b> NOTIFY=NEVER', { address: 'a@b', notify: ['NEVER'] }],
  ['RFC 3461 §4.2', 'TO:<a@b> ORCPT=rfc822;x+2By@z', { address: 'a@b', originalRecipient: 'rfc822;x+y@z' }],
  ['RFC 6533 §3', 'TO:<a@b> ORCPT=utf-8;ä@z', { address: 'a@b', originalRecipient: 'utf-8;ä@z' }],
  ['RFC 5321 §4.1.1.3', 'TO:<>', '501 5.1.3'],
  ['RFC 5321 §4.1.1.3', 'TO:', '501 5.5.4'],
  ['RFC 5321 §4.1.1.3', 'FROM:<a@b>', '501 5.5.4'],
  ['RFC 3461 §4.1', 'TO:<a@b> NOTIFY=', '501 5.5.4'],
  ['RFC 3461 §4.1', 'TO:<a@b> NOTIFY=SUCCESS,SUCCESS', '501 5.5.4'],
  ['RFC 3461 §4.1', 'TO:<a@b> NOTIFY=SUCCESS NOTIFY=DELAY', '501 5.5.4'],
  ['RFC 3461 §4.2', 'TO:<a@b> ORCPT=;x', '501 5.5.4'],
  ['Postfix: an empty ORCPT', 'TO:<a@b> ORCPT=rfc822;', { address: 'a@b' }],
  ['RFC 3461 §4.2', 'TO:<a@b> ORCPT=rfc822; ORCPT=rfc822;x', '501 5.5.4'],
  ['RFC 3461 §4.2', 'TO:<a@b> ORCPT=rfc822;a+0Ab', '501 5.5.4'],
  ['RFC 5321 §4.1.1.11', 'TO:<a@b> X=1', '555 5.5.4'],
]
for (const [rfc, argument, expect] of rcptRows) {
  test(`RCPT, ${rfc}: ${argument}`, () => {
    const parsed = parseRcptCommand(argument, has)
    if (typeof expect === 'string') {
      assert.ok(!parsed.ok)
      assert.equal(`${parsed.reply.code} ${parsed.reply.status}`, expect)
    } else {
      assert.ok(parsed.ok)
      assert.deepEqual(parsed.value, { notify: undefined, originalRecipient: undefined, ...expect })
    }
  })
}

test('command lines', () => {
  for (const [line, verb, argument] of [
    ['MAIL FROM:<a@b>', 'MAIL', 'FROM:<a@b>'],
    ['\t mail  from: a@b \t', 'MAIL', 'from: a@b'],
    ['', '', ''],
    ['   ', '', ''],
  ] as const) {
    assert.deepEqual(parseCommandLine(line), { verb, argument })
  }
  assert.equal(decodeLine(Buffer.from('xäx'), 1, 3), 'ä')
  assert.equal(decodeLine(Buffer.from([0x61, 0xe4]), 0, 2), undefined)
  assert.deepEqual(['PUT', '\x16\x03', 'MAIL', '', '{', 'SUBJECT:', 'MAIL:X'].map(isForeign), [
    true,
    true,
    false,
    false,
    true,
    true,
    true,
  ])
})

test('replies: one line each, nothing a client could put between them', () => {
  assert.equal(formatReply({ code: 250, status: '2.0.0', text: 'Ok' }), '250 2.0.0 Ok\r\n')
  assert.equal(formatReply({ code: 250, text: ['a', 'b'] }), '250-a\r\n250 b\r\n')
  assert.equal(
    formatReply({ code: 550, status: '5.1.1', text: ['a', 'b'] }),
    '550-5.1.1 a\r\n550 5.1.1 b\r\n',
  )
  assert.equal(formatReply({ code: 250, text: 'a\r\n250 b\x85\u2028c' }), '250 a??250 b??c\r\n')
  assert.equal(formatReply({ code: 250, text: [] }), '250 \r\n')
  assert.ok(formatReply({ code: 250, text: 'x'.repeat(5000) }).length < 1000)
})

test('RFC 3461 §4: xtext', () => {
  for (let code = 0x20; code < 0x7f; code++) {
    const text = `a${String.fromCharCode(code)}b`
    assert.equal(decodeXtext(encodeXtext(text)), text)
  }
  for (const bad of ['+', '+1', '+GG', '+2b', 'a b', 'a=b', '+00', '+0A', '+7F'])
    assert.equal(decodeXtext(bad), undefined, bad)
})

test('RFC 3463 §2: what another server said', () => {
  for (const [raw, code, status, text] of [
    ['250 2.1.5 Ok', 250, '2.1.5', '250 2.1.5 Ok'],
    ['250-a\n250 b', 250, '2.0.0', '250-a 250 b'],
    ['550 no', 550, '5.0.0', '550 no'],
    ['550 4.1.1 confused', 550, '5.0.0', '550 4.1.1 confused'],
    ['451-4.7.1 wait\n451 4.7.1 longer', 451, '4.7.1', '451-4.7.1 wait 451 4.7.1 longer'],
    ['550', 550, '5.0.0', '550'],
    ['hello', 450, '4.5.0', '450 4.5.0 unreadable reply: hello'],
    ['199 x', 450, '4.5.0', '450 4.5.0 unreadable reply: 199 x'],
    ['550 5.1.1 a\x00b\x1b[31m', 550, '5.1.1', '550 5.1.1 a b [31m'],
  ] as const) {
    const { lines, ...told } = readRemoteReply(raw)
    assert.deepEqual(told, { code, status, text })
    assert.equal(lines.length, raw.split('\n').length)
    assert.ok(!lines[0]?.startsWith(String(code)))
  }
})

test('Postfix: resolve_numeric_domain: an address without its brackets', () => {
  const taken = { ...has, numericDomains: 'literals' as const }
  for (const [path, address] of [
    ['<a@192.0.2.1>', 'a@[192.0.2.1]'],
    ['a@192.0.2.1', 'a@[192.0.2.1]'],
    ['<a@[192.0.2.1]>', 'a@[192.0.2.1]'],
    ['<"b@192.0.2.9"@192.0.2.1>', '"b@192.0.2.9"@[192.0.2.1]'],
    ['<a@192.0.2.1.test>', 'a@192.0.2.1.test'],
    ['<a@192.0.2>', undefined],
    ['<a@256.0.2.1>', undefined],
  ] as const) {
    const from = parseMailCommand(`FROM:${path} SIZE=1`, taken)
    const to = parseRcptCommand(`TO:${path}`, taken)
    assert.equal(from.ok ? from.value.address : undefined, address, path)
    assert.equal(to.ok ? to.value.address : undefined, address, path)
  }
})

test('Postfix: brackets too many or too few; strict_rfc821_envelopes', () => {
  for (const [path, address, strictly] of [
    ['<a@b>', 'a@b', 'a@b'],
    ['<<a@b>>', 'a@b', undefined],
    ['<a@b>>', 'a@b', undefined],
    ['a@b>', 'a@b', undefined],
    ['<@x.y:a@b>>', 'a@b', undefined],
    ['<"a>"@b>', '"a>"@b', '"a>"@b'],
    ['<"a>>"@b>>', '"a>>"@b', undefined],
    ['<<a@b>', undefined, undefined],
    ['<<<a@b>>>', undefined, undefined],
    ['<a@b>>>', undefined, undefined],
    ['a@b>>', undefined, undefined],
    ['<a@b><c@d>>', undefined, undefined],
    ['<<a@b>>x', undefined, undefined],
    ['>', undefined, undefined],
  ] as const) {
    for (const [syntax, expected] of [
      ['lenient', address],
      ['strict', strictly],
    ] as const) {
      const from = parseMailCommand(`FROM:${path} SIZE=1`, { ...has, syntax })
      const to = parseRcptCommand(`TO:${path} NOTIFY=NEVER`, { ...has, syntax })
      assert.equal(from.ok ? from.value.address : undefined, expected, `${syntax} ${path}`)
      assert.equal(to.ok ? to.value.address : undefined, expected, `${syntax} ${path}`)
    }
  }
})
