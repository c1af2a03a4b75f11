import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { freePort } from '../free-port.ts'
import { followGuide } from './guide.ts'
import { eventually } from './mail-server.ts'

const { uid, username } = userInfo()
// Nobody's command runs as root.
const user = uid === 0 ? 'nobody' : username

test('C2: NAME_time_limit: a program of master.cf has a limit of its own', async (t) => {
  const site = await followGuide(t, {
    mainCf: `myhostname = mail.example.org
mydestination = example.org
mynetworks = 127.0.0.0/8
transport_maps = inline:{ slow.example=slow: }
slow_time_limit = 1s
policyd-spf_time_limit = 3600
`,
    masterCf: `smtp inet n - y - - smtpd
slow unix - n n - 1 pipe
  flags=R user=${user} argv=/bin/sleep 300
`,
  })
  const talk = await site.talk('smtp')
  assert.match(await talk.message('c@far.test', 'x@slow.example', 'Subject: x\r\n\r\nx\r\n'), /^250/)
  const line = await eventually('the end of the command', async () =>
    site.log.find((one) => /to=<x@slow\.example>/.test(one)),
  )
  assert.match(line, /relay=slow, .*status=(?:deferred|bounced) \(Command time limit exceeded/)
})

test('spawn(8): a program that outstays its time ends with all that it started, whatever it ignores', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-spawn-'))
  t.after(() => rmSync(folder, { recursive: true }))
  chmodSync(folder, 0o755)
  const script = join(folder, 'stubborn')
  writeFileSync(script, "#!/bin/sh\ntrap '' TERM\nsleep 300 &\necho here\nsleep 300\nsleep 300\n")
  chmodSync(script, 0o755)
  const port = await freePort()
  await followGuide(t, {
    mainCf: 'myhostname = mail.example.org\nmydestination = example.org\ncommand_time_limit = 1s\n',
    masterCf: `127.0.0.1:${port} inet n n n - 0 spawn\n  user=${user} argv=${script}\n`,
  })
  const client = connect(port, '127.0.0.1')
  const timer = setTimeout(() => client.destroy(new Error('one of them has the socket still')), 30_000)
  assert.equal(await text(client), 'here\n')
  clearTimeout(timer)
})
