/** Postfix: sendmail(1), beside the real one: what it says, and what it makes of a message. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { CommandPeers, type Said } from './command-peers.ts'
import { postfixMissing } from './private-postfix.ts'

const message = `From: carol@example.org
To: x@far.example
Subject: one
Date: Mon, 2 Nov 2026 10:00:00 +0000
Message-ID: <1@example.org>

hello
world
`
const far = 'a@far.example'

/** The queue is compared after each: sender, recipients, attributes, header and body. */
const messages: readonly (readonly [args: readonly string[], input?: string])[] = [
  [[far]],
  [['-f', 'x@y.example', far]],
  [['-f', '<>', far]],
  [['-f', '', far]],
  [['-fbob', far]],
  [['-r', 'x@y.example', far]],
  [['-f', 'a b', far]],
  [['-f', 'Name <x@y.example>', far]],
  [['-F', 'Full Name', '-f', 'bob', far], 'Subject: x\n\nt\n'],
  [['-F', 'Dr. Who', '-f', 'bob', far], 'Subject: x\n\nt\n'],
  [[far], 'Subject: x\n\nt\n'],
  [[far], 'no header\nmore\n'],
  [[far], '\n'],
  [
    ['-t'],
    'To: a@far.example, "B, C" <b@far.example>\nCc: c@far.example\nBcc: d@far.example\nSubject: x\n\nt\n',
  ],
  [
    ['-t'],
    'To: a@far.example\nResent-To: r@far.example\nResent-Bcc: s@far.example\nBcc: d@far.example\n\nt\n',
  ],
  [
    ['-t'],
    'From: o@far.example\nDate: Mon, 2 Nov 2026 10:00:00 +0000\nMessage-ID: <2@far.example>\nResent-From: me@example.org\nResent-To: r@far.example\n\nt\n',
  ],
  [['-t', 'extra@far.example'], 'To: a@far.example\nSubject: x\n\nt\n'],
  [['-t'], 'To: group: g1@far.example, g2@far.example;\n\nt\n'],
  [['-N', 'success,delay', far]],
  [['-N', 'never', far]],
  [['-N', 'never,delay', far]],
  [['-N', 'bad', far]],
  [['-R', 'hdrs', '-V', 'env1', far]],
  [['-R', 'full', far]],
  [['-R', 'bad', far]],
  [['-B', '8BITMIME', far]],
  [['-i', far], 'Subject: x\n\na\n.\nb\n'],
  [[far], 'Subject: x\n\na\n.\nb\n'],
  [['-oi', far], 'Subject: x\n\na\n.\nb\n'],
  [['-oem', '-om', '-odb', '-odi', far]],
  [['-o', 'A/etc/aliases', '-O', 'x=y', '-L', 'tag', '-m', '-U', '-c', '-x', '-h', '5', '-A', 'x', far]],
  [['-G', '-i', '-f', 'x@y.example', far], 'To: user\nBcc: z@far.example\nSubject: x\n\nt\n'],
  [['-Ac', far]],
  [['-bm', far]],
  [['-bm', '-t'], message],
  [['--', far]],
  [['<a@far.example>']],
  [['a@far.example, b@far.example']],
  [['a@far.example', 'b@far.example c@far.example']],
  [['Name <a@far.example>']],
  [[far, far, 'A@far.example']],
  [[far], 'From root Mon Nov  2\nSubject: x\n\nt\n'],
  [[far], '>From x\nSubject: y\n\nt\n'],
  [[far], 'Subject: x\r\n\r\nt\r\n'],
  [[far], 'Subject: x\n\nno line end'],
  [[far], 'Subject: \u00fc\n\n\u00fc\n'],
  [[far], 'Bcc: b@far.example\nSubject: x\n\nt\n'],
  [[far], 'From: a@b.example\nDate: x\n\nt\n'],
  [[far], 'Return-Path: <z@z>\nReceived: x\nSubject: x\n\nt\n'],
  [[far], ' folded first\nSubject: x\n\nt\n'],
  [[far], `X-${'y'.repeat(1200)}: z\n\nt\n`],
]

/** Nothing is queued: what is said, by the words and with the code. */
const refused: readonly (readonly [name: string, args: readonly string[], input?: string])[] = [
  ['sendmail', ['-t'], 'To: undisclosed-recipients:;\nSubject: x\n\nt\n'],
  ['sendmail', ['-t'], 'Subject: x\n\nt\n'],
  ['sendmail', []],
  ['sendmail', ['-bv']],
  ['sendmail', ['-t', '-bv']],
  ['sendmail', ['-XVab', far]],
  ['sendmail', ['-V', '-=', '-f', 'list@example.org', far]],
  ['sendmail', ['-B', 'bad', far]],
  ['sendmail', ['-bz']],
  ['sendmail', ['-bx', far]],
  ['sendmail', ['-bt']],
  ['sendmail', ['-bi', 'x']],
  ['sendmail', ['-bp', 'x']],
  ['sendmail', ['-bs', 'x']],
  ['sendmail', ['-bs', '-t']],
  ['sendmail', ['-bp', '-t']],
  ['sendmail', ['-bi', '-t']],
  ['sendmail', ['-t', '-q']],
  ['sendmail', ['-bd', 'x']],
  ['sendmail', ['-bh']],
  ['sendmail', ['-bH']],
  ['sendmail', ['-bi']],
  ['sendmail', ['-I']],
  ['sendmail', ['-qSx']],
  ['sendmail', ['-qf']],
  ['sendmail', ['-z']],
  ['sendmail', ['-f']],
  ['sendmail', ['-o']],
  ['newaliases', []],
  ['newaliases', ['-bp', 'x']],
  ['newaliases', ['x']],
  ['mailq', ['x']],
  ['mailq', ['-z']],
]

/** With the mail system down. */
const whileDown: readonly (readonly string[])[] = [
  ['-q'],
  ['-bp'],
  ['-qRfar.example'],
  ['-qRrelay.example'],
  ['-qIABC'],
  ['-qI/'],
]

describe('sendmail beside the real one', { skip: postfixMissing }, () => {
  const peers = new CommandPeers()
  before(() => peers.start())
  after(() => {
    peers.stopPostfix()
    peers.remove()
  })

  for (const [args, input = message] of messages)
    it(`${args.join(' ')}: ${JSON.stringify(input.slice(0, 40))}`, async () => {
      const { ours, theirs } = await peers.run('sendmail', args, input)
      assert.deepEqual(ours, theirs)
      await peers.settled(1)
      const seen: (readonly string[])[] = []
      for (const [whose, run] of [
        ['ours', (name: string, words: readonly string[]) => peers.runOurs(name, words)],
        ['theirs', async (name: string, words: readonly string[]) => peers.runTheirs(name, words)],
      ] as const) {
        const [id = '', ...more] = (await peers.queue())[whose].values()
        assert.deepEqual(more, [])
        seen.push(shape((await run('postcat', ['-q', id])).out))
        await run('postsuper', ['-d', id])
      }
      assert.deepEqual(seen[0], seen[1])
    })

  for (const [name, args, input = ''] of refused)
    it(`${name} ${args.join(' ')}`, async () => {
      const { ours, theirs } = await peers.run(name, args, input)
      // Each fatal error of Postfix's sendmail ends with 75, which programs take for "it will be tried again".
      assert.equal(ours.code, theirs.code === 75 && ours.code !== 75 ? 64 : theirs.code)
      assert.deepEqual(words(ours), words(theirs))
    })

  it('-v: a report is promised, and mailed', async () => {
    const { ours, theirs } = await peers.run('sendmail', ['-v', far], message)
    assert.deepEqual(ours, theirs)
    const [id = ''] = (await peers.queue()).ours.values()
    // 2 SUCCESS, 4 FAILURE, 8 DELAY.
    assert.match((await peers.runOurs('postcat', ['-q', id])).out, /notify_flags=14/)
    await peers.runOurs('postsuper', ['-d', 'ALL'])
    await peers.settled(2)
    peers.runTheirs('postsuper', ['-d', 'ALL'])
  })

  it('the mail system is down', async () => {
    peers.stopPostfix()
    for (const args of whileDown) {
      const { ours, theirs } = await peers.run('sendmail', args)
      assert.equal(ours.code, theirs.code, args.join(' '))
      assert.deepEqual(words(ours), words(theirs), args.join(' '))
    }
  })
})

/** Without what is said of Postfix's own processes, and how often getopt(3) says it. */
const words = ({ out, err }: Said): readonly string[] => [
  out,
  ...new Set(
    err
      .replaceAll(/^.*connect to public\/flush: .*\n/gm, '')
      .replaceAll(/ \(Connect to .*\)/g, '')
      .split('\n'),
  ),
]

/** Lines in any order: added fields stand elsewhere. Without what differs on purpose. */
const shape = (text: string): readonly string[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .filter(
      (line) =>
        !/^(?:\*\*\*|message_|create_time|sender_fullname|original_recipient|verp_)/.test(line) &&
        !/log_client|dsn_orig_rcpt|encoding=|rewrite_context/.test(line),
    )
    .map((line) =>
      line
        .replace('(Posthorn', '(Postfix')
        .replace(/^\tid .*/, '\tid')
        .replace(/^((?:Resent-)?Message-I)d/, '$1D')
        .replace(/<[^<>]*@mx\.example\.org>/, '<ID>')
        .replace(/^((?:Resent-)?Date): \w{3}, (?!.*10:00:00).*/, '$1: now'),
    )
    .toSorted()
