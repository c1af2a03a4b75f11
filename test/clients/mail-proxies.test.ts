/** XCLIENT_README and XFORWARD_README as nginx, ASSP and content filters use them. */
import assert from 'node:assert/strict'
import { connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { followGuide, subjectsOf } from './guide.ts'
import { alice } from './mail-server.ts'

/** Passes on what it hears, octet for octet, to a port that is known later. */
async function passingOn(t: TestContext, to: () => number): Promise<number> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    const onward = connect(to(), '127.0.0.1')
    sockets.push(socket, onward)
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      one.on('error', () => other.destroy())
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

test('XFORWARD_README: the log after a content filter knows the first client', async (t) => {
  let back = 0
  const filter = await passingOn(t, () => back)
  const site = await followGuide(t, {
    mainCf: `myhostname = mail.example.org
mydestination = example.org
mynetworks = 192.0.2.0/24
smtpd_authorized_xclient_hosts = 127.0.0.1
content_filter = scan:[127.0.0.1]:${filter}
`,
    masterCf: `smtp inet n - y - - smtpd
scan unix - - n - 10 smtp
  -o smtp_send_xforward_command=yes
  -o disable_mime_output_conversion=yes
127.0.0.1:10026 inet n - n - 10 smtpd
  -o content_filter=
  -o smtpd_authorized_xforward_hosts=127.0.0.0/8
  -o mynetworks=127.0.0.0/8
  -o smtpd_authorized_xclient_hosts=
`,
  })
  back = site.portOf('127.0.0.1:10026')
  const talk = await site.talk('smtp')
  assert.match(await talk.say('XCLIENT ADDR=198.51.100.7 NAME=far.example PORT=4025'), /^220 /)
  await talk.say('EHLO client.far.example')
  assert.match(await talk.message('c@far.test', alice.address, 'Subject: filtered\r\n\r\nx\r\n'), /^250/)
  assert.deepEqual(await subjectsOf(site, alice, 'filtered'), ['filtered'])
  const [first = ''] = site.log.filter((line) => /client=far\.example\[198\.51\.100\.7\]$/.test(line))
  const id = /smtpd: (\w+): /.exec(first)?.[1]
  assert.ok(id, site.log.join('\n'))
  const line = `client=unknown[127.0.0.1], orig_queue_id=${id}, orig_client=far.example[198.51.100.7]`
  assert.ok(
    site.log.some((one) => one.endsWith(line)),
    site.log.join('\n'),
  )
})

test('XCLIENT_README: a proxy that has asked for the password itself', async (t) => {
  const site = await followGuide(t, {
    mainCf: `myhostname = mail.example.org
mydestination = example.org
mynetworks = 192.0.2.0/24
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
relayhost = [127.0.0.1]:9
`,
  })
  const talk = await site.talk()
  await talk.say('MAIL FROM:<a@example.org>')
  assert.match(await talk.say('RCPT TO:<x@elsewhere.example>'), /^554 5\.7\.1/)
  await talk.say('RSET')
  assert.match(await talk.say(`XCLIENT ADDR=198.51.100.7 NAME=[UNAVAILABLE] LOGIN=${alice.address}`), /^220 /)
  assert.doesNotMatch(await talk.say('EHLO client.far.example'), /XCLIENT/, 'what it may is asked anew')
  await talk.say('MAIL FROM:<a@example.org>')
  assert.match(await talk.say('RCPT TO:<x@elsewhere.example>'), /^250/)
  const line = `client=unknown[198.51.100.7], sasl_method=XCLIENT, sasl_username=${alice.address}`
  assert.ok(
    site.log.some((one) => one.endsWith(line)),
    site.log.join('\n'),
  )
})
