import assert from 'node:assert/strict'
import { it } from 'node:test'
import { headerRecipients, type MessageInput, prepareMessage } from './message-input.ts'

const how: MessageInput = {
  dot: 'ends',
  bcc: 'kept',
  from: { address: 'alice@example.org', name: '', format: 'standard' },
}

it('Postfix: sendmail(1), what a program writes becomes a message', () => {
  const rows: readonly [string, Partial<MessageInput>, string][] = [
    ['From: a@b\n\nx\n', {}, 'From: a@b\r\n\r\nx\r\n'],
    ['From: a@b\r\n\r\nx\r\n', {}, 'From: a@b\r\n\r\nx\r\n'],
    ['From: a@b\n\nx', {}, 'From: a@b\r\n\r\nx\r\n'],
    ['From: a@b\n\nx\n.\ny\n', {}, 'From: a@b\r\n\r\nx\r\n'],
    ['From: a@b\n\nx\n.\ny\n', { dot: 'kept' }, 'From: a@b\r\n\r\nx\r\n.\r\ny\r\n'],
    ['From: a@b\n\n..\n', {}, 'From: a@b\r\n\r\n..\r\n'],
    ['From a@b Sat Nov 21\nFrom: a@b\n\nFrom here\n', {}, 'From: a@b\r\n\r\nFrom here\r\n'],
    ['Subject: s\n\nx\n', {}, 'From: alice@example.org\r\nSubject: s\r\n\r\nx\r\n'],
    ['no header\n', {}, 'From: alice@example.org\r\n\r\nno header\r\n'],
    ['', {}, 'From: alice@example.org\r\n'],
    [
      's: x\n\n',
      { from: { address: 'a@b', name: 'Zoë', format: 'standard' } },
      'From: =?utf-8?B?Wm/Dqw==?= <a@b>\r\ns: x\r\n\r\n',
    ],
    ...(
      [
        ['Dr. Who', 'a@b (Dr. Who)'],
        ['Zoë', 'a@b (=?utf-8?B?Wm/Dqw==?=)'],
        ['A (B) \\ C', 'a@b (A \\(B\\) \\\\ C)'],
        ['', 'a@b'],
      ] as const
    ).map(([name, field]): [string, Partial<MessageInput>, string] => [
      's: x\n\n',
      { from: { address: 'a@b', name, format: 'obsolete' } },
      `From: ${field}\r\ns: x\r\n\r\n`,
    ]),
    [
      'From: a@b\nBcc: c@d,\n e@f\nTo: g@h\n\nBcc: body\n',
      { bcc: 'removed' },
      'From: a@b\r\nTo: g@h\r\n\r\nBcc: body\r\n',
    ],
    ['From: a@b\nBcc: c@d\n\n', {}, 'From: a@b\r\nBcc: c@d\r\n\r\n'],
  ]
  for (const [input, change, expected] of rows) {
    assert.equal(
      prepareMessage(Buffer.from(input), { ...how, ...change }).toString(),
      expected,
      JSON.stringify(input),
    )
  }
})

it('octets stay octets', () => {
  const octets = Buffer.concat([Buffer.from('From: a@b\n\n'), Buffer.from([0, 0x80, 0xff, 0x0a])])
  assert.deepEqual(prepareMessage(octets, how).subarray(-5), Buffer.from([0, 0x80, 0xff, 0x0d, 0x0a]))
})

it('RFC 5322 §3.6.3, §3.6.6: recipients of the header', () => {
  const rows: readonly [string, readonly string[]][] = [
    ['To: A <a@b>, c@d\nCc: g: e@f, h@i;\nBcc: j@k\n\nTo: no@no\n', ['a@b', 'c@d', 'e@f', 'h@i', 'j@k']],
    ['To: old@x\nResent-To: new@x\n\n', ['new@x']],
    ['to: alice\n\n', ['alice']],
    ['To: a@b,\n\tc@d\n\n', ['a@b', 'c@d']],
    ['Subject: none\n\n', []],
    ['To: undisclosed-recipients:;\n\n', []],
  ]
  for (const [input, expected] of rows)
    assert.deepEqual(headerRecipients(Buffer.from(input)), expected, input)
})
