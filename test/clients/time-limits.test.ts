import assert from 'node:assert/strict'
import { userInfo } from 'node:os'
import { test } from 'node:test'
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
