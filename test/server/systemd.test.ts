import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { command, createSite, eventually, inFolder, startServer, stopServer } from './running-server.ts'

const project = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '')
const unit = readFileSync(join(project, 'packaging/posthorn.service'), 'utf8')
const has = (program: string): boolean => existsSync(`/usr/bin/${program}`)

describe('C11: packaging/posthorn.service', { skip: !has('systemd-analyze') && 'no systemd' }, () => {
  test('systemd finds nothing wrong with it', async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'posthorn.service')
      // Where this copy of the program is; no users of the unit's name.
      writeFileSync(file, unit.replaceAll('/opt/posthorn', project).replaceAll('=posthorn\n', '=mail\n'))
      const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
        encoding: 'utf8',
      })
      const about = (stdout + stderr).split('\n').filter((line) => line.includes('posthorn'))
      assert.deepEqual({ status, about }, { status: 0, about: [] })
    })
  })

  test('what the service could do to the machine is little', async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'posthorn.service')
      writeFileSync(file, unit)
      const { stdout, stderr } = spawnSync(
        'systemd-analyze',
        ['security', '--offline=true', '--no-pager', file],
        { encoding: 'utf8' },
      )
      const level = Number(/Overall exposure level for posthorn\.service: ([\d.]+)/.exec(stdout)?.[1])
      assert.ok(level <= 2.5, `${level}: ${stdout}${stderr}`)
    })
  })
})

/** systemd's side: a datagram socket; each message a line of standard output. */
const listener = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1]); print('listening', flush=True)
while True: print(repr(s.recv(4096).decode()), flush=True)
`

describe('sd_notify(3)', { skip: !has('systemd-notify') && 'no systemd-notify' }, () => {
  test('READY when all ports listen, RELOADING and READY, WATCHDOG, STOPPING; and nothing is open to others', async () => {
    await inFolder(async (folder) => {
      const socket = join(folder, 'notify')
      let heard = ''
      const systemd: ChildProcess = spawn('python3', ['-c', listener, socket], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const gone = once(systemd, 'exit')
      systemd.stdout?.on('data', (chunk: Buffer) => {
        heard += chunk.toString()
      })
      const before = process.umask(0o077)
      try {
        await eventually(() => assert.match(heard, /listening/))
        const site = await createSite(folder, 'sample_accounts = no')
        const server = await startServer(site, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '2000000' })
        await eventually(() => assert.match(heard, /READY=1\\nMAINPID=\d+\\nSTATUS=[^\n]*SMTP \d+/))
        assert.match(heard, new RegExp(`MAINPID=${server.pid}\\\\n`))
        await eventually(() => assert.match(heard, /WATCHDOG=1/))
        // UMask=0077 of the unit keeps mailq and sendmail of users alive.
        assert.equal(statSync(join(site.dataFolder, 'public', 'public.sock')).mode & 0o777, 0o666)
        heard = ''
        assert.equal((await command(site, ['reload'])).code, 0)
        await eventually(() => assert.match(heard, /RELOADING=1\\nMONOTONIC_USEC=\d+[\s\S]*READY=1/))
        heard = ''
        assert.equal((await stopServer(server)).code, 0)
        await eventually(() => assert.match(heard, /STOPPING=1/))
      } finally {
        process.umask(before)
        systemd.kill()
        await gone
      }
    })
  })
})
