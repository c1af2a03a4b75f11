/** Postfix: postsuper(1), postcat(1), postqueue(1), mailq(1), beside the real ones. */
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

/** Waiting in both queues; `@a@` in a row is the queue ID of mail to a@far.example. */
const waiting = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}@far.example`)

/** In this order: each row starts where the one before has left both queues. */
const changes: readonly (readonly [args: readonly string[], input?: string])[] = [
  ...['h', 'H', 'r', 'e', 'f', 'd'].flatMap((flag) =>
    ['NOSUCH', '0123456789', 'bad/id', '', 'ALL deferred'].map((id) => [[`-${flag}`, id]] as const),
  ),
  [['-h', '@a@']],
  [['-h', '@a@']],
  [['-H', '@a@']],
  [['-H', '@a@']],
  [['-h', '-'], '@a@\n@b@\nNOSUCH\n\n  @c@  \n'],
  [['-H', 'ALL']],
  [['-H', 'ALL']],
  [['-h', 'ALL', 'nosuch']],
  [['-h', 'ALL', 'hold']],
  [['-h', 'ALL']],
  [['-H', 'ALL', 'hold']],
  [['-H', '@a@', 'deferred', 'incoming']],
  [['-e', '@a@']],
  [['-e', '@a@']],
  [['-f', '@a@']],
  [['-h', '@b@']],
  [['-e', '@b@']],
  [['-f', '@b@']],
  [['-h', '@c@']],
  [['-f', '@c@']],
  [['-f', '@e@', '-h', '@d@', '-d', '@a@', '-H', '@d@']],
  [['-d', '-h']],
  [['-d', '-', '-h', '-']],
  [['-z']],
  [['-d']],
  [[]],
  [['-s']],
  [['-p']],
  [['-s', 'hold']],
  [['-s', 'nosuch']],
  [['-h', '-'], '@b@\n'],
  [['-d', 'ALL', 'hold']],
  [['-d', '@c@']],
  // Postfix puts these into maildrop, where they wait for its pickup.
  [['-r', 'ALL']],
]

const questions: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['postcat', ['-q', 'NOSUCH']],
  ['postcat', ['-q', '../x']],
  ['postcat', ['/nosuch']],
  ['postcat', ['/etc/passwd']],
  ['postcat', ['/nosuch/deferred/4/4ED10367D9']],
  ['postcat', ['-z']],
  ['postcat', ['-bq', '@a@']],
  ['postqueue', []],
  ['postqueue', ['-f']],
  ['postqueue', ['-i', '@a@']],
  ['postqueue', ['-i', 'bad/']],
  ['postqueue', ['-i']],
  ['postqueue', ['-s', 'far.example']],
  ['postqueue', ['-s', 'relay.example']],
  ...[
    '',
    'a b',
    '[a b]',
    'a_b',
    'x..y',
    '[127.0.0.1]',
    '[::1]',
    '[IPv6:::1]',
    'x:25',
    '@x',
    '1.2.3.4',
    '[',
  ].map((name) => ['postqueue', ['-s', name]] as const),
  ['postqueue', ['-p', '-j']],
  ['postqueue', ['-p', 'x']],
  ['postqueue', ['-f', 'x']],
  ['postqueue', ['-z']],
  ['mailq', ['-q']],
]

describe('queue commands beside the real ones', { skip: postfixMissing }, () => {
  const peers = new CommandPeers()
  before(async () => {
    await peers.start()
    for (const to of waiting) await peers.run('sendmail', ['-f', 'carol@example.org', to], message)
    await peers.settled(waiting.length)
    peers.stopPostfix()
  })
  after(() => {
    peers.stopPostfix()
    peers.remove()
  })

  async function compare(name: string, args: readonly string[], input = ''): Promise<void> {
    const ids = await peers.queue()
    // What is gone keeps a name: both are asked for something that is not there.
    const fill = (text: string, whose: 'ours' | 'theirs') =>
      text.replaceAll(/@([a-e])@/g, (_, letter) => ids[whose].get(`${letter}@far.example`) ?? 'F00000000F')
    const said = async (whose: 'ours' | 'theirs'): Promise<Said> => {
      const words = args.map((word) => fill(word, whose))
      const text = fill(input, whose)
      return whose === 'ours' ? peers.runOurs(name, words, text) : peers.runTheirs(name, words, text)
    }
    assert.deepEqual(normal(await said('ours')), normal(await said('theirs')), `${name} ${args.join(' ')}`)
  }

  for (const [name, args] of questions) it([name, ...args].join(' '), () => compare(name, args))

  it('Postfix: postcat(1): records of the envelope, their place and their number; header; body', async () => {
    const ids = await peers.queue()
    for (const flags of ['-q', '-eq', '-hq', '-heq', '-bhq', '-oq', '-dq', '-odq', '-vq', '-obq']) {
      const [ours, theirs] = [
        (await peers.runOurs('postcat', [flags, ids.ours.get('a@far.example') ?? ''])).out,
        peers.runTheirs('postcat', [flags, ids.theirs.get('a@far.example') ?? '']).out,
      ].map((text) => shape(text))
      assert.deepEqual(ours, theirs, flags)
    }
  })

  it('postcat: the path that it shows names the message', async () => {
    const id = (await peers.queue()).ours.get('a@far.example') ?? ''
    const { out } = await peers.runOurs('postcat', ['-q', id])
    const path = /^\*\*\* ENVELOPE RECORDS (\S+) /.exec(out)?.[1] ?? ''
    for (const name of [path, `/var/spool/postfix/${path}`])
      assert.deepEqual(await peers.runOurs('postcat', [name]), { code: 0, out, err: '' })
  })

  it('Postfix: postqueue -p and mailq: columns, marks and the last line', async () => {
    const ids = await peers.queue()
    for (const [flag, letter] of [
      ['-h', 'b'],
      ['-e', 'c'],
    ] as const)
      for (const whose of ['ours', 'theirs'] as const) {
        const id = ids[whose].get(`${letter}@far.example`) ?? ''
        if (whose === 'ours') await peers.runOurs('postsuper', [flag, id])
        else peers.runTheirs('postsuper', [flag, id])
      }
    for (const name of ['postqueue', 'mailq']) {
      const { ours, theirs } = await peers.run(name, name === 'mailq' ? [] : ['-p'])
      assert.deepEqual(listed(ours.out), listed(theirs.out))
      assert.equal(ours.err, theirs.err.replace(/ \(Connect to .*\)/, ''))
    }
    for (const whose of ['ours', 'theirs'] as const)
      if (whose === 'ours') await peers.runOurs('postsuper', ['-H', 'ALL'])
      else peers.runTheirs('postsuper', ['-H', 'ALL'])
  })

  it('Postfix: postsuper(1): each change, in a row', async () => {
    for (const [args, input] of changes) await compare('postsuper', args, input)
    const { ours, theirs } = await peers.queue()
    assert.deepEqual([...ours.keys()].toSorted(), [...theirs.keys()].toSorted())
  })
})

function normal({ code, out, err }: Said): Said {
  // Warnings and changes may come in another order: changes go to the disk together here.
  const lines = err.replaceAll(/^.*connect to public\/flush: .*\n/gm, '').split('\n')
  return { code, out: hidden(out), err: lines.map(hidden).toSorted().join('\n') }
}

const hidden = (text: string): string => text.replaceAll(/\b(?=[0-9A-F]*\d)[0-9A-F]{9,12}\b/g, 'QUEUEID')

/** Without what differs on purpose: who took it in, whose name, where it stands, and so how long it is. */
const shape = (text: string): readonly string[] =>
  hidden(text)
    .split('\n')
    .filter((line) => !/log_client|sender_fullname|dsn_orig_rcpt|original_recipient|id QUEUEID/.test(line))
    .map((line) =>
      line
        .replace(/(RECORDS|CONTENTS|EXTRACTED|END) [a-z]+\/(?:\w\/)?/, '$1 QUEUE/')
        .replace('(Posthorn', '(Postfix')
        .replace(/(?<=message_size:)[ \d]+/, (sizes) => String(sizes.length))
        .replace(/(?<=_time: ).*/, (time) => time.replaceAll(/\w+/g, 'x'))
        .replace(/^ *\d+(?= +\d+ | |$)/, (place) => String(place.length)),
    )

/** Marks and recipients: the IDs, sizes and the order of the two differ. */
function listed(text: string): readonly string[] {
  const [head = '', ...rest] = text.split('\n')
  const entries = rest
    .join('\n')
    .split('\n\n')
    .map((entry) =>
      entry
        .replace(/^[0-9A-F]+([!*#]*) +\d+ \w{3} \w{3} [ \d]\d [\d:]{8}/, '$1 WHEN')
        .replaceAll(/^ *\(deferred transport\)\n/gm, ''),
    )
  return [head, ...entries.toSorted()]
}
