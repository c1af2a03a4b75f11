import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { DeliveryJob } from './attempt.ts'
import { pipeAgent, readPipe } from './pipe.ts'

const folder = mkdtempSync(join(tmpdir(), 'pipe-'))
after(() => rmSync(folder, { recursive: true }))
const program = join(folder, 'program')
writeFileSync(
  program,
  `#!/bin/sh\nprintf '[%s]' "$@" > ${folder}/args\ncat > ${folder}/text\nexit $(cat ${folder}/code 2>/dev/null || echo 0)\n`,
)
chmodSync(program, 0o755)

function job(addresses: readonly string[], sender = 'A@b.c'): DeliveryJob {
  return {
    entry: { queueId: 'Q1', origin: { clientAddress: '192.0.2.1' } } as unknown as DeliveryJob['entry'],
    recipients: addresses.map((address, index) => ({
      index,
      address,
      transport: 'maildrop',
      nextHop: 'Example.ORG',
      state: 'claimed',
      dueMs: 0,
      attempts: 1,
      delayWarned: false,
    })),
    transport: 'maildrop',
    nextHop: 'Example.ORG',
    sender,
    prefix: undefined,
    async *content() {
      yield Buffer.from('Subject: x\r\n\r\nFrom here\r\n')
    },
    sizeBytes: 30,
    signal: new AbortController().signal,
  }
}

async function deliver(args: string, addresses: readonly string[], sender?: string) {
  const options = {
    user: (name: string) =>
      name === 'nobody'
        ? ({ kind: 'self' } as const)
        : ({ kind: 'none', reason: `${name}: no such user` } as const),
    timeLimitMs: () => 10_000,
    delimiter: () => '+',
    now: () => Date.UTC(2026, 10, 21, 12, 0, 5),
  }
  const attempts = await pipeAgent(
    { name: 'maildrop', args: args.split(' ') },
    options,
  )(job(addresses, sender))
  return attempts.map(({ result, said }) => `${result.action} ${result.status} ${said}`)
}

const read = (name: string): string => readFileSync(join(folder, name), 'utf8')

test('Postfix: pipe(8): arguments, flags, trace fields, what the exit code means', async () => {
  assert.deepEqual(
    await deliver(
      `flags=DRhu user=nobody argv=${program} -f \${sender} -d \${user} --to=$recipient $$HOME \${extension} \${nexthop} \${size} \${queue_id} \${nosuch}`,
      ['Carol+Tag@Example.ORG'],
    ),
    ['delivered 2.0.0 delivered via maildrop service'],
  )
  assert.equal(
    read('args'),
    '[-f][A@b.c][-d][carol][--to=carol+tag@example.org][$HOME][tag][example.org][30][Q1][]',
  )
  assert.equal(
    read('text'),
    'Return-Path: <A@b.c>\nDelivered-To: Carol+Tag@Example.ORG\nSubject: x\n\nFrom here\n',
  )
  await deliver(`flags=FOB> user=nobody null_sender= argv=${program} <\${sender}>`, ['c@d.e'], '')
  assert.equal(read('args'), '[<>]')
  assert.match(
    read('text'),
    /^From MAILER-DAEMON {2}Sat Nov 21 12:00:05 2026\nX-Original-To: c@d\.e\nSubject: x\n\n>From here\n\n$/,
  )
  writeFileSync(join(folder, 'code'), '75')
  assert.match(
    (await deliver(`user=nobody argv=${program}`, ['c@d.e']))[0] ?? '',
    /^delayed 4\.3\.0 temporary failure/,
  )
  writeFileSync(join(folder, 'code'), '67')
  assert.deepEqual(
    (await deliver(`user=nobody argv=${program}`, ['c@d.e', 'f@g.h'])).map((one) => one.slice(0, 12)),
    ['failed 5.1.1', 'failed 5.1.1'],
  )
})

test('pipe: nothing that a stranger chose becomes an option, and no shell reads it', async () => {
  rmSync(join(folder, 'code'), { force: true })
  await deliver(`user=nobody argv=${program} \${recipient}`, ['`touch x`;$(y)@d.e'])
  assert.equal(read('args'), '[`touch x`;$(y)@d.e]')
  assert.match(
    (await deliver(`user=nobody argv=${program} \${recipient}`, ['-oX@d.e']))[0] ?? '',
    /^failed 5\.1\.3 /,
  )
  assert.match(
    (await deliver(`user=nobody argv=${program} \${sender}`, ['c@d.e'], '-x@y.z'))[0] ?? '',
    /^failed 5\.1\.3 /,
  )
  assert.match((await deliver(`argv=${program}`, ['c@d.e']))[0] ?? '', /^delayed 4\.3\.5 .*needs user=/)
  assert.match(
    (await deliver(`user=root argv=${program}`, ['c@d.e']))[0] ?? '',
    /^delayed 4\.3\.5 .*root: no such user/,
  )
  assert.match(
    (await deliver(`user=nobody size=10 argv=${program}`, ['c@d.e']))[0] ?? '',
    /^failed 5\.2\.3 message size 30/,
  )
  assert.deepEqual(readPipe(['flags=R', 'user=a:b', 'argv={', '/x', '}']).user, 'a:b')
})
