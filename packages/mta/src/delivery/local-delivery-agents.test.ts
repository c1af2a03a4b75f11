import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { DeliveryJob } from './attempt.ts'
import { commandAgent } from './command.ts'
import { type CommandSurroundings, usualSurroundings } from './command-surroundings.ts'
import { fileAgent } from './file.ts'
import { createLineFeeds } from './local-text.ts'
import type { LocalUser } from './local-user.ts'

const folder = mkdtempSync(join(tmpdir(), 'agents-'))
after(() => rmSync(folder, { recursive: true }))
const now = () => Date.UTC(2026, 10, 21, 12, 0, 5)
const message = 'Delivered-To: list@o.org\r\nSubject: x\r\n\r\nFrom here\r\n.From there\r\nend'

function job(nextHop: string, over: { sender?: string; address?: string; text?: string } = {}): DeliveryJob {
  const recipient = {
    index: 0,
    address: over.address ?? 'list+x@o.org',
    transport: 'pipe',
    nextHop,
    state: 'claimed',
    dueMs: 0,
    attempts: 1,
    delayWarned: false,
  } as const
  return {
    entry: {
      origin: { clientName: 'c.example', clientAddress: '192.0.2.7', helo: '$(id)', protocol: 'ESMTP' },
    } as DeliveryJob['entry'],
    recipients: [recipient],
    transport: 'pipe',
    nextHop,
    sender: over.sender ?? 'a@b.c',
    prefix: undefined,
    async *content() {
      for (const octet of [over.text ?? message]) yield Buffer.from(octet)
    },
    sizeBytes: 0,
    signal: new AbortController().signal,
  }
}

const self: LocalUser = { kind: 'self' }
async function command(
  text: string,
  over: Parameters<typeof job>[1] & {
    timeLimitMs?: number
    user?: LocalUser
    surroundings?: Partial<CommandSurroundings>
  } = {},
) {
  const agent = commandAgent({
    surroundings: () => ({ ...usualSurroundings, ...over.surroundings }),
    user: () => over.user ?? self,
    timeLimitMs: () => over.timeLimitMs ?? 10_000,
    delimiter: () => '+',
    now,
  })
  const [attempt] = await agent(job(text, over))
  return `${attempt?.result.action} ${attempt?.result.status} ${attempt?.said}`
}

async function file(path: string, user: LocalUser = self, text?: string) {
  const [attempt] = await fileAgent({ user: () => user, now })(job(path, text === undefined ? {} : { text }))
  return `${attempt?.result.action} ${attempt?.result.status} ${attempt?.said}`
}

test('line feeds and From quoting, split at every octet', () => {
  const text = 'From a\r\nFro\r\n\r\nFrom\r\n From b\r\nx\ry From c\r\nFrom d'
  for (let split = 0; split <= text.length; split++) {
    const convert = createLineFeeds('quoted')
    const pieces = [
      convert.push(Buffer.from(text.slice(0, split))),
      convert.push(Buffer.from(text.slice(split))),
    ]
    const done = Buffer.concat([...pieces, convert.finish()]).toString()
    assert.equal(done, '>From a\nFro\n\nFrom\n From b\nx\ry From c\n>From d\n', `split at ${split}`)
  }
})

test('local(8): a command gets the message, and strangers only in harmless characters', async () => {
  const out = join(folder, 'command.out')
  const said = await command(`cat > ${out}; echo "$SENDER|$EXTENSION|$LOCAL|$HOME" >> ${out}`, {
    sender: '$(touch x)`id`;|&@b.c',
    address: 'list+$(id)@o.org',
  })
  assert.match(said, /^delivered 2\.0\.0 delivered to command: cat > /)
  assert.equal(
    readFileSync(out, 'utf8'),
    'From $(touch_x)`id`;|&@b.c  Sat Nov 21 12:00:05 2026\nReturn-Path: <$(touch_x)`id`;|&@b.c>\nX-Original-To: list+$(id)@o.org\n' +
      'Delivered-To: list@o.org\nSubject: x\n\nFrom here\n.From there\nend\n' +
      '__touch_x__id____@b.c|__id_|list+__id_|/\n',
  )
})

test('command_expansion_filter: what stands in the environment', async () => {
  const out = join(folder, 'filtered.out')
  await command(`echo "$SENDER|$EXTENSION|$RECIPIENT" > ${out}`, {
    sender: 'a-b+c@d.e',
    address: 'list+$1@o.org',
    surroundings: { variableFilter: 'abcdelist@.+$' },
  })
  assert.equal(readFileSync(out, 'utf8'), 'a_b+c@d.e|$_|list+$_@_.___\n')
})

test('sysexits(3), signals, output, time limit: what the sender and the queue hear', async () => {
  assert.equal(await command('exit 0'), 'delivered 2.0.0 delivered to command: exit 0')
  assert.equal(await command('echo no such; exit 67'), 'failed 5.1.1 user unknown. Command output: no such')
  assert.equal(await command('exit 75'), 'delayed 4.3.0 temporary failure')
  assert.equal(await command('exit 3'), 'failed 5.3.0 Command died with status 3: "exit 3"')
  assert.match(await command('kill -9 $$'), /^delayed 4\.3\.0 Command died with signal SIGKILL/)
  assert.match(await command('/nosuch/program'), /^delayed 4\.3\.0 cannot run \/nosuch\/program: .*ENOENT/)
  const endless = await command('yes; exit 1', { timeLimitMs: 300 })
  assert.match(endless, /^failed 5\.3\.0 Command time limit exceeded: "yes; exit 1"\. Command output: y y/)
  assert.ok(endless.length < 1_300)
  assert.equal(
    await command('/bin/true', { text: 'x'.repeat(5_000_000) }),
    'delivered 2.0.0 delivered to command: /bin/true',
  )
  assert.equal(
    await command('/bin/true', { user: { kind: 'none', reason: 'because' } }),
    'delayed 4.3.5 cannot run a command: because',
  )
})

test('a daemon that a command leaves behind, with its output open, is not waited for', async () => {
  const startedMs = performance.now()
  for (const daemon of [
    '/usr/bin/setsid /bin/sleep 5',
    'setsid sleep 5 & exit 0',
    'setsid sleep 5 & exit 67',
  ]) {
    assert.equal(
      await command(daemon, { timeLimitMs: 300 }),
      `failed 5.3.0 Command time limit exceeded: "${daemon}"`,
    )
  }
  assert.ok(performance.now() - startedMs < 4_000)
})

test('a command that no system can start is an outcome, too', async () => {
  assert.match(await command('/bin/echo a\0b'), /^delayed 4\.3\.0 cannot run /)
})

test('local(8): mbox with lock and quoting, Maildir, and what is no file', async () => {
  const mbox = join(folder, 'mbox')
  assert.equal(await file(mbox), `delivered 2.0.0 delivered to file: ${mbox}`)
  assert.equal(await file(mbox, self, 'Subject: y\r\n\r\n'), `delivered 2.0.0 delivered to file: ${mbox}`)
  const head = 'From a@b.c  Sat Nov 21 12:00:05 2026\nReturn-Path: <a@b.c>\nX-Original-To: list+x@o.org\n'
  assert.equal(
    readFileSync(mbox, 'utf8'),
    `${head}Delivered-To: list@o.org\nSubject: x\n\n>From here\n.From there\nend\n\n${head}Subject: y\n\n\n`,
  )
  assert.equal(statSync(mbox).mode & 0o777, 0o600)
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.lock')),
    [],
  )
  await Promise.all(Array.from({ length: 5 }, () => file(mbox)))
  assert.equal(readFileSync(mbox, 'utf8').match(/^From a@b\.c/gm)?.length, 7)
  const maildir = `${join(folder, 'mail')}/`
  assert.equal(await file(maildir), `delivered 2.0.0 delivered to maildir: ${maildir}`)
  const [name = ''] = readdirSync(join(maildir, 'new'))
  assert.match(
    readFileSync(join(maildir, 'new', name), 'utf8'),
    /^Return-Path: <a@b\.c>\n(.*\n)*\nFrom here\n/,
  )
  assert.deepEqual(readdirSync(join(maildir, 'tmp')), [])
  symlinkSync(mbox, join(folder, 'link'))
  assert.match(await file(join(folder, 'link')), /^failed 5\.2\.0 cannot write .*ELOOP/)
  mkdirSync(join(folder, 'dir'))
  assert.match(await file(join(folder, 'dir')), /^failed 5\.2\.0 /)
  assert.match(await file(join(folder, 'nosuch/mbox')), /^delayed 4\.2\.0 cannot write /)
  assert.match(await file(mbox, { kind: 'none', reason: 'because' }), /^delayed 4\.3\.5 /)
})

test('as another user: the file is his, and what he may not write stays as it is', {
  skip: process.getuid?.() !== 0,
}, async () => {
  const nobody: LocalUser = { kind: 'other', uid: 65_534, gid: 65_534 }
  const his = mkdtempSync(join(tmpdir(), 'his-'))
  const { chmodSync, chownSync } = await import('node:fs')
  chownSync(his, 65_534, 65_534)
  const mbox = join(his, 'mbox')
  const said = await file(mbox, nobody)
  assert.equal(said, `delivered 2.0.0 delivered to file: ${mbox}`)
  assert.equal(statSync(mbox).uid, 65_534)
  assert.match(readFileSync(mbox, 'utf8'), /\n>From here\n\.From there\nend\n\n$/)
  chmodSync(folder, 0o755)
  writeFileSync(join(folder, 'root-file'), 'mine\n', { mode: 0o600 })
  assert.match(await file(join(folder, 'root-file'), nobody), /^delayed 4\.2\.0 cannot write .*EACCES/)
  assert.equal(readFileSync(join(folder, 'root-file'), 'utf8'), 'mine\n')
  assert.equal(
    await command('test "$(id -u)" = 65534', { user: nobody }),
    'delivered 2.0.0 delivered to command: test "$(id -u)" = 65534',
  )
  rmSync(his, { recursive: true })
})

test('Postfix: command_execution_directory, local_command_shell, export_environment', async () => {
  const out = join(folder, 'surroundings.out')
  mkdirSync(join(folder, 'x_.._y'), { recursive: true })
  const here = { directory: `${folder}/$extension`, directoryFilter: 'xy._' }
  const said = await command(`pwd > ${out}; echo "$TZ $LANG" >> ${out}`, {
    address: 'list+x/../y@o.org',
    surroundings: { ...here, environment: { TZ: 'Europe/Vienna', LANG: 'C' } },
  })
  assert.match(said, /^delivered /)
  assert.equal(readFileSync(out, 'utf8'), `${folder}/x_.._y\nEurope/Vienna C\n`)
  const nowhere = await command('/bin/true', {
    surroundings: { directory: `${folder}/\${user}-is-not-here` },
  })
  assert.match(nowhere, /^delayed 4\.3\.0 cannot run /)
  const shell = { shell: '/bin/sh -c' }
  assert.match(await command('/bin/true', { surroundings: shell }), /^delivered /)
  assert.match(await command('rm -rf "$HOME"', { surroundings: { shell: '/bin/false' } }), /^failed 5\.3\.0 /)
})
