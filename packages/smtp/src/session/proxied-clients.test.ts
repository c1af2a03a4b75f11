import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Greeting, ProxiedClient, SmtpSession } from '../handler.ts'
import { converse, crlf, lines, open, settle } from './session-fixture.ts'

/** What is said by a client that may do both. */
const said = async (input: string, step?: number) => {
  const opened = open()
  opened.session.peer.xclient = 'offered'
  opened.session.peer.xforward = 'offered'
  opened.session.greet(opened.handler.banner)
  const bytes = Buffer.from(crlf(input), 'latin1')
  for (let at = 0; at < bytes.length; at += step ?? bytes.length) {
    opened.session.push(bytes.subarray(at, at + (step ?? bytes.length)))
    await settle()
  }
  return opened
}

test('Postfix: XCLIENT_README: nobody may who is not named', async () => {
  const { wire } = await converse(crlf('EHLO a\nXCLIENT ADDR=192.0.2.7\nXFORWARD ADDR=192.0.2.7\n'))
  const heard = lines(wire.out)
  assert.ok(heard.every((line) => !/^250.X(?:CLIENT|FORWARD)/.test(line)))
  assert.deepEqual(heard.slice(-2), [
    '550 5.7.0 Error: insufficient authorization',
    '550 5.7.0 Error: insufficient authorization',
  ])
})

const conversation = `EHLO a
XCLIENT NAME=spike.example ADDR=192.0.2.7 PORT=4025 HELO=told PROTO=ESMTP LOGIN=kim+40example.org
MAIL FROM:<a@b.test>
RSET
XCLIENT ADDR=IPV6:2001:DB8::1 DESTADDR=192.0.2.99 DESTPORT=2525 NAME=[TEMPUNAVAIL] REVERSE_NAME=[unavailable]
`
for (const step of [undefined, 1])
  test(`Postfix: XCLIENT_README: the session is another client's, ${step === 1 ? 'octet by octet' : 'in one write'}`, async () => {
    const { wire, session, handler } = await said(conversation, step)
    assert.match(wire.out, /250-XCLIENT NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT\r\n/)
    assert.match(wire.out, /250-XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT\r\n/)
    assert.deepEqual(
      lines(wire.out)
        .filter((line) => !line.startsWith('250-'))
        .slice(1),
      ['220 mx.test ESMTP Posthorn', '250 2.1.0 Ok', '250 2.0.0 Ok', '220 mx.test ESMTP Posthorn'],
    )
    assert.deepEqual(handler.proxiedClients, [
      { name: { name: 'spike.example' }, login: 'kim@example.org' },
      { name: { missing: 'temporary' }, reverseName: { missing: 'permanent' } },
    ] satisfies ProxiedClient[])
    const { clientAddress, clientPort, localAddress, localPort, helo, protocol } = session.peer
    assert.deepEqual(
      { clientAddress, clientPort, localAddress, localPort, helo, protocol },
      {
        clientAddress: '2001:db8::1',
        clientPort: 4025,
        localAddress: '192.0.2.99',
        localPort: 2525,
        helo: '',
        protocol: 'SMTP',
      },
    )
  })

test('Postfix: XCLIENT_README: nothing of a command with a fault counts', async () => {
  const { wire, session, handler } = await said(
    'XCLIENT ADDR=192.0.2.7 PORT=x\nXFORWARD HELO=a PROTO=b FOO=c\n',
  )
  assert.deepEqual(lines(wire.out), [
    '501 5.5.4 Bad PORT syntax: x',
    '501 5.5.4 Bad XFORWARD attribute name: FOO',
  ])
  assert.equal(session.peer.clientAddress, '192.0.2.1')
  assert.equal(session.peer.forwarded, undefined)
  assert.deepEqual(handler.proxiedClients, [])
})

test('Postfix: XCLIENT_README: a client that is refused is sent away', async () => {
  const opened = open({
    prepare: (handler) => {
      handler.proxied = (): Greeting => ({ code: 554, status: '5.7.1', text: 'go away' })
    },
  })
  opened.session.peer.xclient = 'offered'
  opened.session.greet(opened.handler.banner)
  opened.session.push(Buffer.from('XCLIENT ADDR=192.0.2.7\r\nNOOP\r\n'))
  await settle()
  assert.deepEqual(lines(opened.wire.out), ['554 5.7.1 go away'])
  assert.equal(opened.wire.ended, true)
})

test('Postfix: XFORWARD_README: whose mail it is, until the transaction ends', async () => {
  const { session, wire } = await said(
    'EHLO a\nXFORWARD NAME=first.example ADDR=192.0.2.66 PORT=4000\nXFORWARD PROTO=ESMTP HELO=a<b IDENT=4ABC SOURCE=LOCAL\n',
  )
  assert.deepEqual(session.peer.forwarded, {
    name: 'first.example',
    address: '192.0.2.66',
    port: '4000',
    helo: 'a?b',
    protocol: 'ESMTP',
    ident: '4ABC',
    source: 'local',
  } satisfies SmtpSession['forwarded'])
  assert.equal(session.peer.clientAddress, '192.0.2.1')
  session.push(Buffer.from(crlf('XFORWARD NAME=[UNAVAILABLE] SOURCE=[UNAVAILABLE]\nMAIL FROM:<a@b.test>\n')))
  await settle()
  assert.equal(session.peer.forwarded?.name, 'unknown')
  assert.equal(session.peer.forwarded?.source, undefined)
  session.push(Buffer.from('RCPT TO:<c@local.test>\r\nDATA\r\n'))
  await settle()
  assert.equal(session.peer.forwarded?.address, '192.0.2.66')
  session.push(Buffer.from('x\r\n.\r\n'))
  await settle()
  assert.match(wire.out, /250 2\.0\.0 Ok: queued/)
  assert.equal(session.peer.forwarded, undefined)
})
