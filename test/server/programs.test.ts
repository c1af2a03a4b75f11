/** What a program that the server starts gets from it: its input, its output, and nothing else that is open. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { freePort } from '../free-port.ts'
import {
  createSite,
  eventually,
  inFolder,
  LineClient,
  sendMessage,
  startServer,
  stopServer,
} from './running-server.ts'

/** Descriptors of a program whose input and output are a message, a file, a socket. */
const ordinary = ['0', '1', '2']

const descriptorsIn = (listing: string): readonly string[] =>
  [...listing.matchAll(/^\S+ +\d+ .* (\d+) -> (?!\/proc\/\d+\/fd$)/gm)].map(([, fd = '']) => fd).toSorted()

const notRoot = process.getuid?.() !== 0 && 'only root starts programs as others'

for (const workers of [1, 2])
  test(`a program of another user has nothing of the server’s open, workers = ${workers}`, {
    skip: process.platform !== 'linux' || notRoot,
  }, async () => {
    await inFolder(async (folder) => {
      chmodSync(folder, 0o755)
      const out = join(folder, 'out')
      mkdirSync(out)
      chmodSync(out, 0o777)
      const list = (name: string): string =>
        `/bin/ls -l /proc/self/fd >${out}/${name}.part; mv ${out}/${name}.part ${out}/${name}`
      writeFileSync(join(folder, 'aliases'), `program: "|${list('alias')}"\nfile: ${out}/mail\n`)
      const port = await freePort()
      const site = await createSite(
        folder,
        `workers = ${workers}
allow_mail_to_commands = alias
allow_mail_to_files = alias
alias_maps = hash:${folder}/aliases
relay_domains = piped.test
transport_maps = inline:{ piped.test=listed: }`,
      )
      writeFileSync(join(folder, 'list.sh'), `#!/bin/sh\n${list('pipe')}\n`, { mode: 0o755 })
      writeFileSync(
        join(folder, 'master.cf'),
        `listed unix - n n - - pipe\n  user=nobody argv=${folder}/list.sh
127.0.0.1:${port} inet n n n - 0 spawn\n  user=nobody argv=/bin/ls -l /proc/self/fd\n`,
      )
      const server = await startServer(site)
      const smtp = await LineClient.connect(site.ports.smtp, /^220 /m)
      await smtp.ask('EHLO client', /^250 /m)
      for (const address of ['program@example.org', 'file@example.org', 'x@piped.test']) {
        await smtp.ask('MAIL FROM:<a@far.test>', /^250 /m)
        await smtp.ask(`RCPT TO:<${address}>`, /^250 /m)
        await smtp.ask('DATA', /^354 /m)
        await smtp.ask('Subject: x\r\n\r\nx\r\n.', /^250 /m)
      }
      for (const name of ['alias', 'pipe', 'mail'])
        await eventually(() => assert.ok(existsSync(join(out, name)), `${name}: ${server.output()}`))
      assert.deepEqual(descriptorsIn(readFileSync(join(out, 'alias'), 'utf8')), ordinary)
      assert.deepEqual(descriptorsIn(readFileSync(join(out, 'pipe'), 'utf8')), ordinary)
      assert.deepEqual(descriptorsIn(await text(connect(port, '127.0.0.1'))), ordinary)
      // Postfix's master(8) sets it for all: mail that a program keeps is its user's alone.
      for (const name of ['alias', 'pipe', 'mail'])
        assert.equal(statSync(join(out, name)).mode & 0o777, 0o600, name)
      assert.equal((await stopServer(server)).code, 0)
    })
  })

const forwards = [
  { title: 'as somebody else', mainCf: '', privs: 'nobody', runs: true },
  // Whoever wrote it would read all mail.
  { title: 'not as the server itself', mainCf: 'mail_owner = nobody', privs: 'nobody', runs: false },
  { title: 'not as the server’s number', mainCf: 'mail_owner = nobody', privs: '65534', runs: false },
] as const
for (const { title, mainCf, privs, runs } of forwards)
  test(`a command of a user’s .forward runs ${title}`, { skip: notRoot }, async () => {
    await inFolder(async (folder) => {
      chmodSync(folder, 0o755)
      const out = join(folder, 'out')
      mkdirSync(out)
      chmodSync(out, 0o777)
      for (const path of ['home', 'home/alice']) mkdirSync(join(folder, path))
      writeFileSync(join(folder, 'home', 'alice', '.forward'), `"|touch ${out}/ran", ${out}/mail\n`)
      const site = await createSite(
        folder,
        `${mainCf}
default_privs = ${privs}
home_directory = ${folder}/home
allow_mail_to_commands = forward
allow_mail_to_files = forward`,
      )
      const server = await startServer(site)
      await sendMessage(site, 'one')
      if (runs)
        for (const name of ['ran', 'mail'])
          await eventually(() => assert.ok(existsSync(join(out, name)), server.output()))
      else {
        await server.says(/warning: allow_mail_to_commands: forward is passed over: .*run as \w+/)
        await server.says(/mail to command is restricted[\s\S]*mail to file is restricted/)
        await server.says(/to=<alice@example\.org>, relay=local, .*status=sent \(delivered to mailbox\)/)
      }
      assert.equal((await stopServer(server)).code, 0)
      if (!runs) assert.deepEqual(readdirSync(out), [])
    })
  })
